/** How pages tell the service worker which version of the app they are. */

/** The prefix of the lock that a page holds: the address of its first script follows. */
export const PAGE_LOCK = 'allynet-app:';
/** The prefix of the caches, each of which holds the files of one version. */
export const CACHE_PREFIX = 'allynet-app-';

/** The scripts of the pages that are open, by the names of the locks that are held. */
export function usedScripts(locks: readonly { name?: string | undefined }[]): string[] {
  return locks.flatMap(({ name }) => (name?.startsWith(PAGE_LOCK) ? [name.slice(PAGE_LOCK.length)] : []));
}
