// Every route and client event. Tests that iterate over all routes compare this list with the `Allow` header of the
// service, and fail if one is missing.

export const routes = `
POST   /api/v1/auth/register
POST   /api/v1/auth/login
POST   /api/v1/auth/refresh
POST   /api/v1/auth/forgot-password
POST   /api/v1/auth/reset-password
POST   /api/v1/auth/logout
GET    /api/v1/auth/me
PUT    /api/v1/auth/me
PUT    /api/v1/auth/update-password
DELETE /api/v1/auth/me
POST   /api/v1/auth/me/delete
GET    /api/v1/auth/stats
GET    /api/v1/auth/sessions
GET    /api/v1/auth/me/access-log
GET    /api/v1/auth/me/export
DELETE /api/v1/auth/sessions/:sessionId
GET    /api/v1/auth/emergency-contacts
POST   /api/v1/auth/emergency-contacts
PUT    /api/v1/auth/emergency-contacts/:contactId
DELETE /api/v1/auth/emergency-contacts/:contactId
GET    /api/v1/auth/me/blocks
POST   /api/v1/auth/me/blocks
PUT    /api/v1/auth/me/blocks/:userId
DELETE /api/v1/auth/me/blocks/:userId
GET    /api/v1/devices
POST   /api/v1/devices
DELETE /api/v1/devices/:deviceId
POST   /api/v1/devices/:deviceId/test
GET    /api/v1/app/config
GET    /api/v1/push/key
POST   /api/v1/alerts/receipts
GET    /api/v1/helpers
GET    /api/v1/helpers/me
PUT    /api/v1/helpers/me
PUT    /api/v1/helpers/me/location
GET    /api/v1/helpers/me/readiness
GET    /api/v1/helpers/presence
GET    /api/v1/resources
POST   /api/v1/resources
PUT    /api/v1/resources/:resourceId
DELETE /api/v1/resources/:resourceId
POST   /api/v1/resources/:resourceId/reports
PUT    /api/v1/helpers/:userId/verification
PUT    /api/v1/helpers/:userId/block
GET    /api/v1/helpers/:userId/blocks
GET    /api/v1/admin/coverage
GET    /api/v1/admin/emergencies
POST   /api/v1/emergencies
GET    /api/v1/emergencies/active
GET    /api/v1/emergencies/helper-active
GET    /api/v1/emergencies/pending-for-helper
GET    /api/v1/emergencies/nearby
GET    /api/v1/emergencies/history
GET    /api/v1/emergencies/:id
PATCH  /api/v1/emergencies/:id
DELETE /api/v1/emergencies/:id
GET    /api/v1/emergencies/:id/helpers
GET    /api/v1/emergencies/:id/timeline
POST   /api/v1/emergencies/:id/respond
PUT    /api/v1/emergencies/:id/helper-status
POST   /api/v1/emergencies/:id/resolve
POST   /api/v1/emergencies/:id/cancel
POST   /api/v1/emergencies/:id/renew
POST   /api/v1/emergencies/:id/reopen
POST   /api/v1/emergencies/:id/ratings
POST   /api/v1/emergencies/:id/report
GET    /api/v1/emergencies/:id/messages
POST   /api/v1/emergencies/:id/messages
DELETE /api/v1/emergencies/:id/messages/:messageId
GET    /reset-password
GET    /pages/reset-password.js
GET    /pages/style.css
GET    /c/:token
POST   /c/:token
GET    /c/confirm/:token
POST   /c/confirm/:token
GET    /c/stop/:token
POST   /c/stop/:token
GET    /api/openapi.json
GET    /api/asyncapi.json
GET    /api/docs
GET    /api/docs/events
GET    /api/health
GET    /healthz
GET    /readyz
`
  .trim()
  .split('\n')
  .map((line) => {
    const [method, path] = line.trim().split(/\s+/);
    return { method, path, name: `${method} ${path.replace('/api/v1', '')}` };
  });

/** Routes that need no token. */
const OPEN = /^\/api\/v1\/auth\/(register|login|refresh|forgot-password|reset-password)$|^\/api\/v1\/(app\/config|push\/key|alerts\/receipts)$|^\/(api\/health|api\/openapi\.json|api\/asyncapi\.json|api\/docs.*|healthz|readyz|reset-password|pages\/.*|c\/.*)$/;
export const guarded = routes.filter(({ path }) => !OPEN.test(path));

/** The methods of each path. */
export const paths = routes.reduce((all, { method, path }) => all.set(path, [...(all.get(path) ?? []), method]), new Map());

/** The path with parameters replaced by ids; a parameter without an id gets one that does not exist. */
export const filled = (path, ids = {}, missing = '01890000-0000-7000-8000-000000000000') =>
  path.replace(/:(\w+)/g, (_, name) => ids[name] ?? missing);

/** The client events. */
export const clientEvents = ['alert:seen', 'dispatcher:join', 'dispatcher:leave', 'emergency:join', 'emergency:leave', 'location:update'];
