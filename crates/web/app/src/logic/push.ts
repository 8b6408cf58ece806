/** What a person has to do before alerts can arrive with the app closed. Browsers differ. */

export type PushObstacle =
  /** Pushes can be switched on. */
  | 'none'
  /** Browsers give the service worker to pages with TLS only. */
  | 'insecure'
  /** iOS has Web Push only for apps on the home screen (16.4 and later). */
  | 'install_first'
  | 'denied'
  | 'unsupported'
  /** The operator has not set pushes up. */
  | 'not_configured';

export interface Platform {
  isSecure: boolean;
  isConfigured: boolean;
  isInstalled: boolean;
  isIos: boolean;
  support: 'possible' | 'denied' | 'unsupported';
}

/** The first thing that stands in the way. */
export function pushObstacle({ isSecure, isConfigured, isInstalled, isIos, support }: Platform): PushObstacle {
  if (!isConfigured) return 'not_configured';
  if (!isSecure) return 'insecure';
  if (isIos && !isInstalled) return 'install_first';
  return support === 'possible' ? 'none' : support;
}

/** iPads have called themselves Macs since iPadOS 13; Macs have no touch screen. */
export function isIos(userAgent: string, touchPoints: number): boolean {
  return /iPhone|iPad|iPod/.test(userAgent) || (/Macintosh/.test(userAgent) && touchPoints > 1);
}
