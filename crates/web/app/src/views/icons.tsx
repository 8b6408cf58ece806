/** The few icons of the app, drawn in lines. They say nothing to screen readers: each stands beside a text. */

const PATHS = {
  sos: 'M12 2.500a9.500 9.500 0 1 0 0 19 9.500 9.500 0 0 0 0-19ZM12 7v6M12 16.500v.5',
  help: 'M12 20.500s-8-4.800-8-10.700A4.500 4.500 0 0 1 12 7a4.500 4.500 0 0 1 8 2.800c0 5.900-8 10.700-8 10.700Z',
  dispatch: 'M3 6.500 9 4l6 2.500L21 4v13.500L15 20l-6-2.500L3 20V6.500ZM9 4v13.500M15 6.500V20',
  account: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.500 20.500c.8-4 3.800-6 7.500-6s6.700 2 7.500 6',
  phone: 'M6 3.500h3l1.500 4.500-2 1.500a12 12 0 0 0 6 6l1.500-2 4.500 1.500v3c0 1-1 2-2 2A16.500 16.500 0 0 1 4 5.500c0-1 1-2 2-2Z',
  check: 'm4.500 12.500 5 5 10-11',
  warning: 'M12 3.500 22 20.500H2L12 3.500ZM12 10v5M12 17.500v.5',
  send: 'M4 12 20 4l-5 16-4-6.500L4 12Z',
  navigate: 'm12 3 7 17-7-4-7 4 7-17Z',
  sound: 'M4 9.500v5h3.500l4.500 4v-13l-4.500 4H4ZM16 9a4 4 0 0 1 0 6M18.500 6.500a8 8 0 0 1 0 11',
  mute: 'M4 9.500v5h3.500l4.500 4v-13l-4.500 4H4ZM16 9.500l5 5M21 9.500l-5 5',
  place: 'M12 21.500s-7-6.500-7-11.500a7 7 0 0 1 14 0c0 5-7 11.500-7 11.500ZM12 12.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Z',
  fit: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
