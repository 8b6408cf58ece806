/** The screens of the app and their addresses below `/app/`. */

export type Route =
  | { screen: 'sos' }
  | { screen: 'help' }
  | { screen: 'dispatch'; emergencyId: string | null }
  | { screen: 'account' }
  | { screen: 'emergency'; emergencyId: string };

const BASE = '/app/';

/** The screen of an address; the SOS button for one that is unknown. */
export function routeOf(path: string): Route {
  const [first = '', second = ''] = path.startsWith(BASE) ? path.slice(BASE.length).split('/') : [];
  if (first === 'help' || first === 'account') return { screen: first };
  if (first === 'dispatch') return { screen: first, emergencyId: second || null };
  if (first === 'emergencies' && second !== '') return { screen: 'emergency', emergencyId: second };
  return { screen: 'sos' };
}

export function pathOf(route: Route): string {
  switch (route.screen) {
    case 'sos':
      return BASE;
    case 'emergency':
      return `${BASE}emergencies/${route.emergencyId}`;
    case 'dispatch':
      return BASE + (route.emergencyId ? `dispatch/${route.emergencyId}` : 'dispatch');
    default:
      return BASE + route.screen;
  }
}
