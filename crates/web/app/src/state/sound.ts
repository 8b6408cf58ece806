/** Sounds that the page makes itself, so that none has to be loaded. Browsers allow them after the first touch of a page. */

import { signal } from '@preact/signals';

/** Whether sounds are heard. */
export const canSound = signal(false);

let context: AudioContext | null = null;
/** What the tones of the ringing go through: without it those that are scheduled already are not heard. */
let ringOutput: GainNode | null = null;
let ringing: ReturnType<typeof setInterval> | undefined;

const RING_INTERVAL = 2_500;

/** Call it from a click or a touch: from then on sounds can be heard. */
export function unlockSound(): void {
  context ??= typeof AudioContext === 'function' ? new AudioContext() : null;
  context?.resume().then(
    () => (canSound.value = true),
    () => undefined,
  );
}

/** Rings and vibrates until it is stopped. */
export function startRinging(): void {
  stopRinging();
  ring();
  ringing = setInterval(ring, RING_INTERVAL);
}

export function stopRinging(): void {
  clearInterval(ringing);
  ringing = undefined;
  ringOutput?.disconnect();
  ringOutput = null;
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(0);
}

/** Two short tones: something new on the dispatcher's screen. */
export function chime(isUrgent: boolean): void {
  beep(isUrgent ? 880 : 587, 0, 0.18);
  beep(isUrgent ? 659 : 784, 0.22, 0.25);
}

function ring(): void {
  if (context && !ringOutput) {
    ringOutput = context.createGain();
    ringOutput.connect(context.destination);
  }
  for (const [index, pitch] of [784, 988, 784, 988].entries()) beep(pitch, index * 0.25, 0.22, ringOutput);
  // Browsers refuse, with a warning, to vibrate before the first touch.
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.([400, 150, 400, 150, 400]);
}

function beep(pitch: number, after: number, seconds: number, output: AudioNode | null = null): void {
  if (context?.state !== 'running') return;
  const [tone, volume] = [context.createOscillator(), context.createGain()];
  const start = context.currentTime + after;
  tone.frequency.value = pitch;
  volume.gain.setValueAtTime(0, start);
  volume.gain.linearRampToValueAtTime(0.5, start + 0.02);
  volume.gain.linearRampToValueAtTime(0, start + seconds);
  tone.connect(volume).connect(output ?? context.destination);
  tone.start(start);
  tone.stop(start + seconds);
}
