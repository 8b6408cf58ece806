// Rendering of rows for a viewer.

const person = (row, both) => ({
  id: row.owner_id,
  ...(both && { _id: row.owner_id }),
  profile: { firstName: row.owner_first_name, lastName: row.owner_last_name },
});

const location = (row) => ({
  latitude: row.latitude,
  longitude: row.longitude,
  address: row.address,
  description: row.place_description,
});

/** A resource over REST, for an account. */
export function emergencyView(row, account, distance = null) {
  const isOwner = row.owner_id === account.id;
  const isAdmin = account.role === 'admin';
  const knowsOwner = !row.anonymous_mode || isOwner || isAdmin;
  const isConcerned = isOwner || isAdmin || isResponding(row, account);
  const { alerted, acknowledged, declined } = row;
  return {
    id: row.id,
    _id: row.id,
    type: row.type,
    category: row.category,
    description: row.description,
    location: location(row),
    priority: row.priority,
    severity: row.severity,
    status: row.status,
    silentMode: row.silent_mode,
    anonymousMode: row.anonymous_mode,
    alertRadius: row.alert_radius,
    user: knowsOwner ? person(row, true) : null,
    respondingHelpers: row.responses,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    firstResponseAt: row.first_response_at,
    resolvedAt: row.resolved_at,
    resolvedBy: knowsOwner || row.resolved_by !== row.owner_id ? row.resolved_by : null,
    resolutionType: row.resolution_type,
    resolutionNotes: row.resolution_notes,
    distance,
    alerts: isConcerned ? { wave: 1, alerted, acknowledged, declined } : null,
  };
}

export const isResponding = (row, account) =>
  row.responses.some(({ helper, status }) => helper.id === account.id && status !== 'cancelled');

/** What an alert says. */
export function callView(row) {
  return {
    id: row.id,
    type: row.type,
    category: row.category,
    description: row.description,
    location: location(row),
    priority: row.priority,
    severity: row.severity,
    status: row.status,
    createdAt: row.created_at,
    anonymousMode: row.anonymous_mode,
    silentMode: row.silent_mode,
    user: row.anonymous_mode ? null : person(row, false),
  };
}

export function messageView(row, account) {
  const isMine = row.sender_id === account.id;
  const masks = row.anonymous_mode && row.sender_role === 'creator' && row.owner_id !== account.id;
  const names = [row.first_name, row.last_name].filter(Boolean);
  const isSystem = row.sender_role === 'system';
  const name = isSystem ? 'AllyNet' : masks ? 'Anonymous' : names.join(' ');
  const initials = isSystem ? 'AN' : masks ? 'A' : names.map((part) => part[0].toUpperCase()).join('');
  const toOwner = row.recipient_id !== null && row.recipient_id === row.owner_id;
  return {
    id: row.id,
    _id: row.id,
    emergencyId: row.emergency_id,
    senderRole: row.sender_role,
    senderId: masks ? null : row.sender_id,
    recipientId: toOwner && row.owner_id !== account.id ? null : row.recipient_id,
    recipientRole: row.recipient_id === null ? null : toOwner ? 'creator' : 'helper',
    message: row.body,
    displayName: name,
    displayInitials: initials,
    isMine,
    createdAt: row.created_at,
  };
}
