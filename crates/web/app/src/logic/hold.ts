/**
 * When the SOS button fires: held for a second with a finger, or activated twice with a keyboard or a screen reader.
 *
 * Knows no DOM; time comes in with each call.
 */

/** How long a finger has to stay, in milliseconds. */
export const HOLD_TIME = 1_000;
/** How long the first of two activations counts. */
export const SECOND_TAP_LIMIT = 5_000;

export type HoldState = 'idle' | 'holding' | 'armed';

/** The state of the button. */
export class HoldButton {
  #heldSince: number | null = null;
  #armedAt: number | null = null;

  /** A finger goes down. */
  press(now: number): void {
    this.#heldSince ??= now;
    this.#armedAt = null;
  }

  /** The finger leaves before the time is over. */
  release(): void {
    this.#heldSince = null;
  }

  /** Whether the finger has stayed long enough. It fires once for each press. */
  isDue(now: number): boolean {
    if (this.#heldSince === null || now - this.#heldSince < HOLD_TIME) return false;
    this.#heldSince = null;
    return true;
  }

  /** An activation without a finger. Whether it was the second one. */
  tap(now: number): boolean {
    const fires = this.#armedAt !== null && now - this.#armedAt <= SECOND_TAP_LIMIT;
    this.#armedAt = fires ? null : now;
    return fires;
  }

  state(now: number): HoldState {
    if (this.#heldSince !== null) return 'holding';
    return this.#armedAt !== null && now - this.#armedAt <= SECOND_TAP_LIMIT ? 'armed' : 'idle';
  }
}
