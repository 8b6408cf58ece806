/** The button: a finger holds it for a second; a keyboard or a screen reader activates it twice. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n/index.js';
import { HOLD_TIME, HoldButton, SECOND_TAP_LIMIT, type HoldState } from '../logic/hold.js';

/** A key that is held counts once: what it repeats must not press the next button. */
export function ignoreRepeat(event: KeyboardEvent) {
  if (event.repeat) event.preventDefault();
}

export function SosButton({ onFire }: { onFire: () => void }) {
  const button = useRef(new HoldButton());
  const timer = useRef<ReturnType<typeof setTimeout>>();
  const [state, setState] = useState<HoldState>('idle');
  useEffect(() => () => clearTimeout(timer.current), []);

  const look = () => setState(button.current.state(Date.now()));
  const after = (time: number, work: () => void) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(work, time);
  };
  const press = (event: PointerEvent) => {
    if (event.button !== 0) return;
    // A finger that trembles beyond the edge still holds.
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    button.current.press(Date.now());
    after(HOLD_TIME, () => {
      const isDue = button.current.isDue(Date.now() + 1);
      look();
      if (isDue) onFire();
    });
    look();
  };
  const release = () => {
    button.current.release();
    clearTimeout(timer.current);
    look();
  };
  const activate = (event: MouseEvent) => {
    // A click of a finger or a mouse has a count; it was judged by its pointer events.
    if (event.detail !== 0) return;
    const fires = button.current.tap(Date.now());
    look();
    if (fires) onFire();
    else after(SECOND_TAP_LIMIT + 50, look);
  };

  const text = { idle: t('sos.hold'), holding: t('sos.holding'), armed: t('sos.again') }[state];
  return (
    <div class="sos">
      <button
        class="sos-button"
        data-state={state}
        aria-label={t('sos.label')}
        onPointerDown={press}
        onPointerUp={release}
        onPointerCancel={release}
        onKeyDown={ignoreRepeat}
        onClick={activate}
        onContextMenu={(event) => event.preventDefault()}
      >
        <svg class="sos-ring" viewBox="0 0 100 100" aria-hidden="true">
          <circle cx="50" cy="50" r="47" pathLength="1" />
        </svg>
        <span aria-hidden="true">{t('sos.button')}</span>
      </button>
      <p class="sos-text" role="status">
        {text}
      </p>
    </div>
  );
}
