/** The client of the service that the page came from. There is one for the whole app. */

import { createClient } from '@allynet/client';

export const ally = createClient({ url: location.origin });
