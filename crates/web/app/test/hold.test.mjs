// When the SOS button fires.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HOLD_TIME, HoldButton, SECOND_TAP_LIMIT } from '../build/logic/hold.js';

describe('the SOS button', () => {
  it('fires once when a finger has stayed for a second', () => {
    const button = new HoldButton();
    button.press(0);
    assert.equal(button.isDue(HOLD_TIME - 1), false);
    assert.equal(button.state(500), 'holding');
    assert.equal(button.isDue(HOLD_TIME), true);
    assert.equal(button.isDue(HOLD_TIME + 1), false);
  });

  it('does not fire for a finger that left', () => {
    const button = new HoldButton();
    button.press(0);
    button.release();
    assert.equal(button.isDue(HOLD_TIME), false);
    assert.equal(button.state(HOLD_TIME), 'idle');
  });

  it('fires at the second of two activations, if it comes soon', () => {
    const button = new HoldButton();
    assert.equal(button.tap(0), false);
    assert.equal(button.state(1), 'armed');
    assert.equal(button.tap(SECOND_TAP_LIMIT), true);
    assert.equal(button.tap(SECOND_TAP_LIMIT + 1), false, 'a third one is a first one');
    assert.equal(button.tap(2 * SECOND_TAP_LIMIT + 2), false, 'too late');
  });

  it('forgets a first activation when a finger comes', () => {
    const button = new HoldButton();
    button.tap(0);
    button.press(1);
    button.release();
    assert.equal(button.tap(2), false);
  });
});
