/** Components that are loaded when they are first shown. */

import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { partIsMissing } from '../state/updates.js';

/** A component that shows nothing until it has been loaded. */
export function lazy<Props extends object>(load: () => Promise<FunctionComponent<Props>>): FunctionComponent<Props> {
  let loaded: FunctionComponent<Props> | null = null;
  return function Lazy(props) {
    const [, redraw] = useState(0);
    useEffect(() => {
      if (loaded) return;
      load().then(
        (component) => {
          loaded = component;
          redraw((count) => count + 1);
        },
        // The next time that it is shown it is tried again.
        partIsMissing,
      );
    }, []);
    const Component = loaded;
    return Component ? <Component {...props} /> : null;
  };
}
