/** The shapes of the service, and what this package makes of them. */

import type { ServerEvents } from './generated.js';

export type * from './generated.js';

/** The events that an app hears of. Of the others it hears by `connection`, `send()`, `error` and `snapshot`. */
export type AppEvents = Omit<
  ServerEvents,
  | 'error'
  | 'session:ready'
  | 'session:resync'
  | 'emergency:joined'
  | 'emergency:left'
  | 'location:updated'
  | 'dispatcher:joined'
  | 'dispatcher:left'
>;
