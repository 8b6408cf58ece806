/** The shapes of the service: resources, routes, events. Payloads may gain fields; none is lost or changes its type. */

/** An RFC 3339 time in UTC. */
export type Time = string;
export type Id = string;

export interface Position {
  latitude: number;
  longitude: number;
}

export type EmergencyType = 'medical' | 'safety' | 'accident' | 'assault' | 'natural_disaster' | 'other';
export type Priority = 'low' | 'medium' | 'high' | 'critical';
export type EmergencyStatus = 'active' | 'responding' | 'resolved' | 'cancelled';
export type ResponseStatus = 'responding' | 'on_way' | 'arrived' | 'completed' | 'cancelled';
export type ResolutionType = 'user_resolved' | 'helper_resolved' | 'admin_resolved' | 'auto_expired';
export type Verification = 'pending' | 'verified' | 'rejected';
export type Role = 'user' | 'helper' | 'admin';
export type Locale = 'en' | 'de';
export type Breakthrough = 'none' | 'critical' | 'all';

// ------------------------------------------------------------------------------------------ resources

export interface Rating {
  average: number;
  count: number;
}

export interface PersonProfile {
  firstName: string;
  lastName: string | null;
}

/** A user as others see them. The ids of an owner whom an alerted helper may not know yet are `null`. */
export interface Person {
  id: Id | null;
  profile: PersonProfile;
}

export interface QuietWindow {
  /** Days on which it begins, 1 (Monday) to 7. */
  days: number[];
  from: string;
  to: string;
}

export interface HelperRecord {
  verification: Verification;
  available: boolean;
  skills: string[];
  trustScore: number;
  helperRating: Rating;
  // Only in one's own record.
  quiet?: QuietWindow[];
  timeZone?: string | null;
  pausedUntil?: Time | null;
  breakthrough?: Breakthrough;
  maxAlertsPerDay?: number | null;
  notify?: { email: boolean; sms: boolean };
  availability?: 'on_duty' | 'quiet' | 'paused' | 'off_duty';
  availableAt?: Time | null;
}

export interface User {
  id: Id;
  _id: Id;
  email: string;
  profile: PersonProfile & { phone: string | null; avatar: string | null; bio: string | null; locale: Locale };
  role: Role;
  isActive: boolean;
  helper: HelperRecord | null;
  createdAt: Time;
}

export interface Tokens {
  accessToken: string;
  refreshToken: string;
}

export interface Location extends Position {
  /** Size in metres of the cell that the place is the centre of; 0 is the exact place. */
  precision: number;
  address: string | null;
  description: string | null;
}

export interface Helper {
  id: Id;
  profile: PersonProfile;
  trustScore: number;
  helperRating: Rating;
}

export interface RespondingHelper {
  helper: Helper;
  status: ResponseStatus;
  notes: string | null;
  estimatedArrival: Time | null;
  respondedAt: Time;
  updatedAt: Time;
  online: boolean | null;
  lastSeenAt: Time | null;
}

export interface AlertCounts {
  wave: number;
  alerted: number;
  sent: number;
  delivered: number;
  acknowledged: number;
  seen: number;
  declined: number;
  failed: number;
}

/** An emergency in the events that announce it. */
export interface AnnouncedEmergency {
  id: Id;
  type: EmergencyType;
  category: string | null;
  description: string | null;
  location: Location;
  priority: Priority;
  severity: number;
  status: EmergencyStatus;
  createdAt: Time;
  anonymousMode: boolean;
  silentMode: boolean;
  user: Person | null;
}

export interface Emergency extends AnnouncedEmergency {
  alertRadius: number;
  respondingHelpers: RespondingHelper[];
  updatedAt: Time;
  firstResponseAt: Time | null;
  resolvedAt: Time | null;
  resolvedBy: Id | null;
  resolutionType: ResolutionType | null;
  resolutionNotes: string | null;
  distance: number | null;
  alerts: AlertCounts | null;
}

export interface Message {
  id: Id;
  _id: Id;
  emergencyId: Id;
  senderRole: 'creator' | 'helper' | 'system';
  senderId: Id | null;
  recipientId: string | null;
  recipientRole: 'creator' | 'helper' | null;
  message: string;
  displayName: string;
  displayInitials: string;
  isMine: boolean;
  createdAt: Time;
}

export interface Contact {
  id: Id;
  name: string;
  email: string;
  phone: string | null;
  order: number;
  afterSeconds: number;
  on: 'created' | 'unanswered';
  livesWithOwner: boolean;
  state: 'invited' | 'confirmed' | 'stopped' | 'undeliverable';
  confirmedAt: Time | null;
  createdAt: Time;
}

export interface Block {
  id: Id;
  userId: Id | null;
  email: string | null;
  createdAt: Time;
}

export interface Device {
  id: Id;
  kind: 'webpush';
  name: string | null;
  createdAt: Time;
  lastSentAt: Time | null;
  lastDeliveredAt: Time | null;
  state: 'active' | 'failing';
  keyChanged: boolean;
}

export interface Stats {
  trustScore: number;
  helped: { general: number; emergency: number; total: number };
  requested: { general: number; emergency: number; total: number };
  reports: number;
}

export interface TimelineEntry {
  eventId: number;
  event: string;
  at: Time;
  actor: unknown;
  data: unknown;
}

export type ReadinessProblem =
  'no_device' | 'device_failing' | 'position_old' | 'unverified' | 'quiet_now' | 'paused' | 'never_tested' | (string & {});

/** What a client asks for: optional fields may be absent or `null`. */
type Optional<T> = { [Key in keyof T]?: T[Key] | null | undefined };

export type Place = Position & Optional<{ address: string; description: string }>;

export type NewEmergency = { location: Place } & Optional<{
  type: EmergencyType;
  category: string;
  description: string;
  priority: Priority;
  severity: number;
  silentMode: boolean;
  anonymousMode: boolean;
  requestId: string;
}>;

export type NewAccount = { email: string; password: string } & Optional<{ name: string; firstName: string; lastName: string; phone: string }>;
export type ProfileChange = Optional<{ firstName: string; lastName: string; phone: string; bio: string; avatar: string; locale: Locale }>;
export type Duty = Optional<{
  available: boolean;
  skills: string[];
  quiet: QuietWindow[];
  timeZone: string;
  pausedUntil: Time;
  breakthrough: Breakthrough;
  maxAlertsPerDay: number;
  notify: Optional<{ email: boolean; sms: boolean }>;
}>;
export type ContactFields = { name: string; email: string } & Optional<Pick<Contact, 'phone' | 'order' | 'afterSeconds' | 'on' | 'livesWithOwner'>>;
export type NewDevice = { kind: 'webpush'; endpoint: string; keys: { p256dh: string; auth: string } } & Optional<{
  name: string;
  applicationServerKey: string;
}>;

// --------------------------------------------------------------------------------------------- routes

type InEmergency = { params: { id: Id } };

/** The routes of `/api/v1`: what each takes, and the `data` that it answers. */
export interface Routes {
  'POST /auth/register': { body: NewAccount; data: { user: User; tokens: Tokens } };
  'POST /auth/login': { body: { email: string; password: string }; data: { user: User; tokens: Tokens } };
  'POST /auth/refresh': { body: { refreshToken: string }; data: Tokens };
  'POST /auth/logout': { body?: { refreshToken?: string }; data: null };
  'POST /auth/forgot-password': { body: { email: string }; data: null };
  'POST /auth/reset-password': { body: { token: string; password: string }; data: null };
  'GET /auth/me': { data: { user: User } };
  'PUT /auth/me': { body: ProfileChange; data: { user: User } };
  'PUT /auth/update-password': { body: { currentPassword: string; newPassword: string }; data: null };
  'GET /auth/stats': { data: Stats };
  'GET /auth/emergency-contacts': { data: { contacts: Contact[] } };
  'POST /auth/emergency-contacts': { body: ContactFields; data: { contact: Contact } };
  'PUT /auth/emergency-contacts/{contactId}': { params: { contactId: Id }; body: Partial<ContactFields>; data: { contact: Contact } };
  'DELETE /auth/emergency-contacts/{contactId}': { params: { contactId: Id }; data: { contactId: Id; deleted: true } };
  'GET /auth/me/blocks': { data: { blocks: Block[] } };
  'POST /auth/me/blocks': { body: { email: string }; data: unknown };
  'PUT /auth/me/blocks/{userId}': { params: { userId: Id }; data: unknown };
  'DELETE /auth/me/blocks/{userId}': { params: { userId: Id }; data: unknown };
  'GET /push/key': { data: { publicKey: string } };
  'GET /devices': { data: { devices: Device[] } };
  'POST /devices': { body: NewDevice; data: { device: Device } };
  'DELETE /devices/{deviceId}': { params: { deviceId: Id }; data: { deviceId: Id; deleted: true } };
  'POST /devices/{deviceId}/test': { params: { deviceId: Id }; data: { device: Device } };
  'POST /alerts/receipts': { body: { receipt: string; state: 'delivered' | 'seen' }; data: null };
  'GET /helpers/me': { data: { helper: HelperRecord } };
  'PUT /helpers/me': { body: Duty; data: { helper: HelperRecord } };
  'PUT /helpers/me/location': { body: Position & { at?: Time }; data: LocationUpdated };
  'GET /helpers/me/readiness': { data: { ready: boolean; problems: ReadinessProblem[] } };
  'GET /helpers': {
    query?: { verification?: Verification; limit?: number; cursor?: string };
    data: { helpers: (User & { reports: number })[]; nextCursor: string | null };
  };
  'GET /helpers/presence': { data: { onDuty: number; connected: number; fresh: number } };
  'PUT /helpers/{userId}/verification': { params: { userId: Id }; body: { status: 'verified' | 'rejected' }; data: { user: User } };
  'PUT /helpers/{userId}/block': { params: { userId: Id }; body: { blocked: boolean; reason?: string | null }; data: { user: User } };
  'GET /helpers/{userId}/blocks': { params: { userId: Id }; data: { blocks: Block[] } };
  'GET /admin/emergencies': {
    query?: Partial<Position> & { status?: EmergencyStatus | 'deleted'; radius?: number; limit?: number; cursor?: string };
    data: { emergencies: (Emergency & { repeats: number })[]; nextCursor: string | null };
  };
  'POST /emergencies': { body: NewEmergency; data: { emergency: Emergency; nearbyHelperCount: number } };
  'GET /emergencies/active': { data: { emergency: Emergency } | null };
  'GET /emergencies/helper-active': { data: { emergency: Emergency } | null };
  'GET /emergencies/pending-for-helper': { data: Emergency[] };
  'GET /emergencies/nearby': {
    query: Position & { radius?: number; limit?: number };
    data: { emergencies: Emergency[]; count: number };
  };
  'GET /emergencies/history': {
    query?: { status?: EmergencyStatus; limit?: number; before?: Time };
    data: { emergencies: Emergency[] };
  };
  'GET /emergencies/{id}': InEmergency & { data: { emergency: Emergency } };
  'DELETE /emergencies/{id}': InEmergency & { data: { emergencyId: Id; deleted: true } };
  'GET /emergencies/{id}/helpers': InEmergency & {
    data: {
      helpers: (RespondingHelper & Helper & { distance: number | null })[];
      count: number;
      online: number | null;
      within: { radius: number; count: number | null }[];
    };
  };
  'GET /emergencies/{id}/timeline': InEmergency & { query?: { after?: number; limit?: number }; data: { events: TimelineEntry[] } };
  'POST /emergencies/{id}/respond': InEmergency & {
    body: { action?: 'accept' | 'decline'; estimatedArrival?: Time | null };
    data: { emergency: Emergency };
  };
  'PUT /emergencies/{id}/helper-status': InEmergency & {
    body: { status: ResponseStatus; notes?: string | null; estimatedArrival?: Time | null };
    data: { emergency: Emergency };
  };
  'POST /emergencies/{id}/resolve': InEmergency & { body?: { notes?: string | null }; data: { emergency: Emergency } };
  'POST /emergencies/{id}/cancel': InEmergency & { body?: { reason?: string | null }; data: { emergency: Emergency } };
  'POST /emergencies/{id}/renew': InEmergency & { data: { emergency: Emergency } };
  'POST /emergencies/{id}/reopen': InEmergency & { data: { emergency: Emergency } };
  'POST /emergencies/{id}/ratings': InEmergency & { body: { helperId: Id; score: number; comment?: string | null }; data: unknown };
  'POST /emergencies/{id}/report': InEmergency & { body: { userId?: Id | null; reason: string }; data: unknown };
  'GET /emergencies/{id}/messages': InEmergency & { query?: { limit?: number; before?: string }; data: { messages: Message[] } };
  'POST /emergencies/{id}/messages': InEmergency & {
    body: { message: string; recipientId?: string | null; requestId?: string | null };
    data: { message: Message };
  };
  'DELETE /emergencies/{id}/messages/{messageId}': {
    params: { id: Id; messageId: Id };
    data: { messageId: Id; deleted: true };
  };
}

// --------------------------------------------------------------------------------------------- events

/** An event of the log. */
export interface Logged {
  eventId: number;
}

export interface SessionReady {
  userId: Id;
  rooms: string[];
  latestEventId: number;
  serverTime: Time;
}

export interface LocationUpdated extends Position {
  message: string;
  stored: boolean;
}

/** What the service sends, by name. */
export interface ServerEvents {
  'session:ready': SessionReady;
  'emergency:created': Logged & { emergency: AnnouncedEmergency; nearbyHelperCount: number };
  'emergency:nearby': Logged & { emergency: AnnouncedEmergency; distance: number };
  'emergency:details': Logged & { emergencyId: Id; emergency: Emergency };
  'emergency:status_changed': Logged & {
    emergencyId: Id;
    status: EmergencyStatus;
    emergency: { id: Id; status: EmergencyStatus; updatedAt: Time };
    timestamp: Time;
  };
  'emergency:resolved': Logged & {
    emergencyId: Id;
    resolvedAt: Time;
    resolvedBy: Id | null;
    resolutionType: ResolutionType;
    resolutionNotes: string | null;
    timestamp: Time;
  };
  'emergency:cancelled': Logged & { emergencyId: Id; reason: string | null; timestamp: Time };
  'emergency:ended': Logged & { emergencyId: Id; status: EmergencyStatus; timestamp: Time };
  'emergency:reopened': Logged & { emergencyId: Id; status: EmergencyStatus; timestamp: Time };
  'emergency:unanswered': Logged & { emergencyId: Id; alertedHelpers: number; timestamp: Time };
  'emergency:message': Logged & { emergencyId: Id; message: Message };
  'emergency:message:deleted': Logged & { emergencyId: Id; messageId: Id };
  'emergency:alerts': AlertCounts & { emergencyId: Id; timestamp: Time };
  'helper:joined': Logged & { emergencyId: Id; helper: Helper & { joinedAt: Time } };
  'helper:status_update': Logged & { emergencyId: Id; helperId: Id; status: ResponseStatus; notes: string | null; updatedAt: Time };
  'helper:location': {
    emergencyId: Id;
    helperId: Id;
    location: Position;
    distance: number;
    estimatedArrival: Time | null;
    arrived: boolean;
    updatedAt: Time;
  };
  'presence:update': { userId: Id; online: boolean; lastSeenAt: Time | null };
  'contact:notified': Logged & {
    emergencyId: Id;
    contactId: Id;
    state: 'queued' | 'sent' | 'failed' | 'seen' | 'acting';
    timestamp: Time;
  };
  'device:lost': Logged & { deviceId: Id; name: string | null; reason: 'gone' | 'moved' | 'limit' | 'key_changed'; timestamp: Time };
}

/** What a client sends: the payload, and what the acknowledgement has beside `ok`. */
export interface ClientEvents {
  'emergency:join': { payload: { emergencyId: Id | 'current'; lastEventId?: number }; answer: { emergencyId: Id; room: string; message: string } };
  'emergency:leave': { payload: { emergencyId: Id | 'current' }; answer: { emergencyId: Id; room: string } };
  'location:update': { payload: Position & { at?: Time }; answer: LocationUpdated };
  'alert:seen': { payload: { emergencyId: Id }; answer: object };
}
