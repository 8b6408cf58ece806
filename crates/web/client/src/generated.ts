/**
 * The shapes of the service, by the names of its documents: resources, what requests take, routes and events.
 *
 * Made by `npm run types` of the OpenAPI and AsyncAPI documents. Do not edit.
 */

/**
 * The status of emergencies in the list for administrators.
 *
 * - `active`: live; no helper counts as help
 * - `responding`: live; a helper is on the way or there
 * - `resolved`: ended
 * - `cancelled`: ended by the owner as a false alarm
 * - `deleted`: deleted by the owner; a record of it is left
 */
export type ListedStatus = 'active' | 'responding' | 'resolved' | 'cancelled' | 'deleted';
/**
 * An emergency, or the record of a deleted one: `status` tells.
 */
export type EmergencyOrRecord = ListedEmergency | DeletedEmergency;
/**
 * - `low`: can wait
 * - `medium`: help is needed
 * - `high`: help is needed soon
 * - `critical`: life is at stake; also rings helpers in quiet hours, unless they let nothing through
 */
export type Priority = 'low' | 'medium' | 'high' | 'critical';
/**
 * - `user_resolved`: by the owner
 * - `helper_resolved`: by a responding helper; can be reopened for a while
 * - `admin_resolved`: by an administrator
 * - `auto_expired`: by the service, because it was live for a day
 */
export type ResolutionType = 'user_resolved' | 'helper_resolved' | 'admin_resolved' | 'auto_expired';
/**
 * - `patient`: go to the patient
 * - `companion`: go to the person who called, and stay with them
 * - `aed`: fetch the defibrillator and bring it
 * - `guide`: wait for the ambulance or the police, and lead them
 * - `support`: support the helpers at the place
 * - `standby`: go there, and do what is asked for
 */
export type TeamRole = 'patient' | 'companion' | 'aed' | 'guide' | 'support' | 'standby';
/**
 * - `responding`: has accepted
 * - `on_way`: is on the way
 * - `arrived`: is there
 * - `completed`: has done what was to do, and may respond elsewhere; `helper-active` shows this emergency until it ends, or one that they respond to since
 * - `cancelled`: has given it up, or may not help any more
 */
export type ResponseStatus = 'responding' | 'on_way' | 'arrived' | 'completed' | 'cancelled';
/**
 * - `active`: live; no helper counts as help
 * - `responding`: live; a helper is on the way or there
 * - `resolved`: ended by the owner, a responding helper, an administrator, or its age
 * - `cancelled`: ended by the owner as a false alarm
 */
export type EmergencyStatus = 'active' | 'responding' | 'resolved' | 'cancelled';
/**
 * - `medical`: illness or injury
 * - `safety`: a threat, such as being followed
 * - `accident`: in traffic, at work, at home
 * - `assault`: violence
 * - `natural_disaster`: flood, storm, earthquake, fire
 * - `other`: anything else
 */
export type EmergencyType = 'medical' | 'safety' | 'accident' | 'assault' | 'natural_disaster' | 'other';
/**
 * - `delivered`: the device has it
 * - `seen`: a person opened the notification
 */
export type ReceiptState = 'delivered' | 'seen';
/**
 * A number that a telephone can call: 2 to 15 of `0-9+*#`.
 */
export type EmergencyNumber = string;
/**
 * - `verified`: only helpers whom an administrator verified
 * - `open`: every account that was not rejected
 */
export type HelperPolicy = 'verified' | 'open';
/**
 * A plain text that is shown beside a map: at most 500 characters.
 */
export type Attribution = string;
/**
 * The URL of the images of a map, with `{z}`, `{x}` and `{y}` in its path or query.
 */
export type TilesUrl = string;
/**
 * - `exact`: the exact place, except of anonymous owners
 * - `approximate`: the centre of a cell of 200 m or, for helpers who were not alerted, of 1,000 m
 */
export type PlaceBeforeAccept = 'exact' | 'approximate';
/**
 * - `created`: when an emergency is raised
 * - `unanswered`: when it is unanswered for the first time
 */
export type ContactTrigger = 'created' | 'unanswered';
/**
 * - `invited`: was sent an invitation, or is about to be; is told nothing yet
 * - `confirmed`: has agreed, and is told of emergencies
 * - `stopped`: wants no emails of this service
 * - `undeliverable`: emails to the address come back
 */
export type ContactState = 'invited' | 'confirmed' | 'stopped' | 'undeliverable';
/**
 * - `on_duty`: wants alerts, and may help
 * - `quiet`: in quiet hours
 * - `paused`: in a pause
 * - `off_duty`: the duty switch is off, or the account may not help
 */
export type Availability = 'on_duty' | 'quiet' | 'paused' | 'off_duty';
/**
 * - `none`: none
 * - `critical`: those with `priority: critical` or a severity of 8 and more, but not in a pause
 * - `all`: all, but not in a pause
 */
export type Breakthrough = 'none' | 'critical' | 'all';
/**
 * - `public`: not checked
 * - `registered`: the identity was checked
 * - `professional`: the identity and a profession in rescue or medicine were checked
 */
export type Tier = 'public' | 'registered' | 'professional';
/**
 * - `foot`: on foot
 * - `bike`: by bicycle
 * - `car`: by car
 */
export type Transport = 'foot' | 'bike' | 'car';
/**
 * - `pending`: an administrator has not decided yet
 * - `verified`: may help
 * - `rejected`: may not help
 */
export type Verification = 'pending' | 'verified' | 'rejected';
/**
 * - `en`: English
 * - `de`: German
 */
export type Locale = 'en' | 'de';
/**
 * - `user`: may raise emergencies
 * - `helper`: asked to be a helper; whether they may help is in `helper.verification`
 * - `admin`: an administrator
 */
export type Role = 'user' | 'helper' | 'admin';
/**
 * - `emergency`: the emergency, also in the answer to a change of it
 * - `list`: a list of emergencies
 * - `timeline`: the timeline
 * - `helpers`: the helpers of the emergency, with their distances
 * - `room`: events over a socket
 */
export type AccessKind = 'emergency' | 'list' | 'timeline' | 'helpers' | 'room';
/**
 * `webpush`: Web Push: browsers, installed web apps, UnifiedPush on Android
 */
export type DeviceKind = 'webpush';
/**
 * - `active`: pushes are sent to it
 * - `failing`: the last pushes failed, or the service has another key since: subscribe and register again
 */
export type DeviceState = 'active' | 'failing';
/**
 * - `missing`: it is not where it should be
 * - `unusable`: it is there and does not work
 * - `moved`: it is somewhere else now, as the note says
 * - `ok`: it is there and works
 */
export type ReportedState = 'missing' | 'unusable' | 'moved' | 'ok';
/**
 * - `collected`: the helper has it and is on the way with it
 * - `missing`: it is not there: the helper gets another task, and the box counts as reported missing
 * - `delivered`: it is at the place of the emergency
 */
export type ResourceState = 'collected' | 'missing' | 'delivered';
/**
 * A helper's answer.
 *
 * - `accept`: comes
 * - `decline`: does not come, and is not alerted again
 */
export type ResponseAction = 'accept' | 'decline';
/**
 * An entry of the timeline. `event` tells what `data` has.
 */
export type TimelineEntry =
  | TimelineEmergencyCreated
  | TimelineHelperJoined
  | TimelineHelperStatusUpdate
  | TimelineResponseCheck
  | TimelineHelperRoleAssigned
  | TimelineHelperStandDown
  | TimelineEmergencyStatusChanged
  | TimelineEmergencyResolved
  | TimelineEmergencyCancelled
  | TimelineEmergencyEnded
  | TimelineEmergencyReopened
  | TimelineEmergencyUpdated
  | TimelineEmergencyMoved
  | TimelineEmergencyUnanswered
  | TimelineEmergencyMessage
  | TimelineEmergencyMessageDeleted
  | TimelineContactNotified
  | TimelineAlertsSent
  | TimelineAlertsAcknowledged
  | TimelineAlertsSeen
  | TimelineAlertsDeclined
  | TimelineAlertsPushed
  | TimelineAlertsRenewed;
/**
 * - `accepted`: the first task
 * - `better`: help or a defibrillator is there a minute sooner, or a box is on the way
 * - `vacated`: another helper does not come any more, or a place has become free
 * - `resource_missing`: the box cannot be brought: it is not there, or another one is at the place
 */
export type RoleReason = 'accepted' | 'better' | 'vacated' | 'resource_missing';
/**
 * - `aed`: a defibrillator
 * - `naloxone`: a kit against an overdose of opioids
 * - `first_aid_kit`: a first-aid kit
 * - `extinguisher`: a fire extinguisher
 * - `other`: anything else that helps
 */
export type ResourceKind = 'aed' | 'naloxone' | 'first_aid_kit' | 'extinguisher' | 'other';
/**
 * - `enough_helpers`: two others are there, and this helper is expected in more than 5 minutes
 * - `too_late`: expected in more than 20 minutes; two others are there, or are expected 10 minutes sooner
 */
export type StandDownReason = 'enough_helpers' | 'too_late';
/**
 * - `queued`: an email is about to be sent
 * - `sent`: a mail server took the email
 * - `failed`: the address cannot be reached, or sending was given up
 * - `seen`: the contact pressed "I have read this"
 * - `acting`: the contact pressed "I am with them" or "I have called the emergency number"
 */
export type NoticeState = 'queued' | 'sent' | 'failed' | 'seen' | 'acting';
/**
 * - `gain`: the alert is worth its price
 * - `minimum`: too few helpers were asked
 */
export type Reason = 'gain' | 'minimum';
/**
 * - `webpush`: Web Push
 * - `email`: email
 * - `webhook`: a gateway for SMS or calls
 */
export type SendChannel = 'webpush' | 'email' | 'webhook';
/**
 * - `no_device`: no device is registered for pushes (`POST /api/v1/devices`): alerts arrive only while an app is connected
 * - `device_failing`: pushes to every device fail: subscribe and register again
 * - `position_old`: there is no position of the last day: report one (`location:update`)
 * - `unverified`: the account may not help (yet): an administrator has to verify it
 * - `quiet_now`: in quiet hours
 * - `paused`: in a pause
 * - `never_tested`: no device has ever confirmed a push: test one (`POST /api/v1/devices/{deviceId}/test`)
 * - `skill_expired`: a skill that was checked has expired
 */
export type ReadinessProblem =
  'no_device' | 'device_failing' | 'position_old' | 'unverified' | 'quiet_now' | 'paused' | 'never_tested' | 'skill_expired';
/**
 * An administrator's decision.
 *
 * - `verified`: may help
 * - `rejected`: may not help, and drops out of every emergency
 */
export type VerificationDecision = 'verified' | 'rejected';
/**
 * - `public`: everybody
 * - `customers`: customers of the place
 * - `private`: who is let in
 * - `unknown`: not known
 */
export type ResourceAccess = 'public' | 'customers' | 'private' | 'unknown';
/**
 * - `manual`: entered by an administrator
 * - `osm`: OpenStreetMap
 */
export type ResourceSource = 'manual' | 'osm';
/**
 * - `available`: it is where it should be
 * - `missing`: it was not found there
 * - `unusable`: it is there and does not work
 */
export type ResourceStatus = 'available' | 'missing' | 'unusable';
/**
 * - `gone`: the push service does not know the subscription any more
 * - `moved`: another user registered the same browser
 * - `limit`: the user has ten newer or better devices
 * - `key_changed`: the service has another push key: subscribe and register again
 */
export type DeviceLoss = 'gone' | 'moved' | 'limit' | 'key_changed';
/**
 * - `invalid_payload`: The payload has the wrong shape, or a field is missing or invalid
 * - `emergency_not_found`: There is no such emergency
 * - `not_authorized`: The caller may not enter this room
 * - `unknown_event`: The service has no such event
 * - `rate_limited`: Too many events, rooms or connections; `retryAfterMs` says when to retry, and is `null` where waiting does not help
 * - `token_expired`: The token expired or its session was revoked; the connection is closed
 * - `account_blocked`: An administrator blocked the account; the connection is closed
 * - `internal`: A fault of the service
 */
export type FailureCode =
  | 'invalid_payload'
  | 'emergency_not_found'
  | 'not_authorized'
  | 'unknown_event'
  | 'rate_limited'
  | 'token_expired'
  | 'account_blocked'
  | 'internal';
/**
 * Time after which to try again, when a limit was reached.
 */
export type RetryAfter = number | null;
/**
 * The reason for which a client cannot resume from its last event.
 */
export type ResyncReason = 'too_many_events' | 'events_expired' | 'unknown_event';

export interface Routes {
  /**
   * Count available helpers by place
   */
  'GET /admin/coverage': {
    data: Coverage;
  };
  /**
   * List all emergencies
   */
  'GET /admin/emergencies': {
    query?: {
      /**
       * `nextCursor` of the page before.
       */
      cursor?: string;
      /**
       * Degrees north (WGS 84).
       */
      latitude?: number;
      /**
       * Length of the page. 50 if missing.
       */
      limit?: number;
      /**
       * Degrees east (WGS 84).
       */
      longitude?: number;
      /**
       * Metres. 10,000 if missing. Needs `latitude` and `longitude`.
       */
      radius?: number;
      /**
       * Only emergencies with this status; `deleted` lists records of deleted ones, wherever they were.
       */
      status?: ListedStatus;
    };
    data: EmergencyPage;
  };
  /**
   * Confirm a push
   */
  'POST /alerts/receipts': {
    body: PushReceipt;
    data: ReceiptTaken;
  };
  /**
   * Read the settings of an app
   */
  'GET /app/config': {
    data: AppConfig;
  };
  /**
   * List the caller's emergency contacts
   */
  'GET /auth/emergency-contacts': {
    data: ContactList;
  };
  /**
   * Add an emergency contact
   */
  'POST /auth/emergency-contacts': {
    body: NewContact;
    data: ContactData;
  };
  /**
   * Delete an emergency contact
   */
  'DELETE /auth/emergency-contacts/{contactId}': {
    params: {
      /**
       * The contact.
       */
      contactId: string;
    };
    data: ContactDeleted;
  };
  /**
   * Change an emergency contact
   */
  'PUT /auth/emergency-contacts/{contactId}': {
    params: {
      /**
       * The contact.
       */
      contactId: string;
    };
    body?: ContactChange;
    data: ContactData;
  };
  /**
   * Ask for a link to replace a forgotten password
   */
  'POST /auth/forgot-password': {
    body: ForgotPassword;
    data: null;
  };
  /**
   * Log in
   */
  'POST /auth/login': {
    body: Login;
    data: Session;
  };
  /**
   * End a session
   */
  'POST /auth/logout': {
    body?: Logout;
    data: null;
  };
  /**
   * Delete the caller's account
   */
  'DELETE /auth/me': {
    body: AccountDeletion;
    data: null;
  };
  /**
   * Read the caller's account
   */
  'GET /auth/me': {
    data: OwnAccount;
  };
  /**
   * Change the caller's profile
   */
  'PUT /auth/me': {
    body?: ProfileChange;
    data: OwnAccount;
  };
  /**
   * List when administrators read exact places of the caller
   */
  'GET /auth/me/access-log': {
    data: AccessLog;
  };
  /**
   * List the users that the caller blocked
   */
  'GET /auth/me/blocks': {
    data: BlockList;
  };
  /**
   * Block a user by email address
   */
  'POST /auth/me/blocks': {
    body: BlockByEmail;
    data: BlockData;
  };
  /**
   * Delete a block
   */
  'DELETE /auth/me/blocks/{userId}': {
    params: {
      /**
       * The user.
       */
      userId: string;
    };
    data: BlockDeleted;
  };
  /**
   * Block a user
   */
  'PUT /auth/me/blocks/{userId}': {
    params: {
      /**
       * The user.
       */
      userId: string;
    };
    data: BlockData;
  };
  /**
   * Delete the caller's account, where a proxy drops the body of a DELETE
   */
  'POST /auth/me/delete': {
    body: AccountDeletion;
    data: null;
  };
  /**
   * Read all that is stored of the caller
   */
  'GET /auth/me/export': {
    data: AccountExport;
  };
  /**
   * Exchange a refresh token
   */
  'POST /auth/refresh': {
    body: Refresh;
    data: Tokens;
  };
  /**
   * Make an account
   */
  'POST /auth/register': {
    body: Register;
    data: Session;
  };
  /**
   * Replace a forgotten password
   */
  'POST /auth/reset-password': {
    body: ResetPassword;
    data: null;
  };
  /**
   * List the caller's sessions
   */
  'GET /auth/sessions': {
    data: SessionList;
  };
  /**
   * End one of the caller's sessions
   */
  'DELETE /auth/sessions/{sessionId}': {
    params: {
      /**
       * The session.
       */
      sessionId: string;
    };
    data: SessionDeleted;
  };
  /**
   * Read how often the caller helped and was helped
   */
  'GET /auth/stats': {
    data: Stats;
  };
  /**
   * Change the password
   */
  'PUT /auth/update-password': {
    body: PasswordChange;
    data: null;
  };
  /**
   * List the caller's devices
   */
  'GET /devices': {
    data: DeviceList;
  };
  /**
   * Register a Web Push subscription
   */
  'POST /devices': {
    body: NewDevice;
    data: DeviceData;
  };
  /**
   * Remove a device
   */
  'DELETE /devices/{deviceId}': {
    params: {
      /**
       * The device.
       */
      deviceId: string;
    };
    data: DeviceDeleted;
  };
  /**
   * Send a test alert to a device
   */
  'POST /devices/{deviceId}/test': {
    params: {
      /**
       * The device.
       */
      deviceId: string;
    };
    data: DeviceData;
  };
  /**
   * Raise an emergency
   */
  'POST /emergencies': {
    body: Raise;
    data: Raised;
  };
  /**
   * Read the caller's own live emergency
   */
  'GET /emergencies/active': {
    data: EmergencyData | null;
  };
  /**
   * Read the emergency that the caller responds to
   */
  'GET /emergencies/helper-active': {
    data: EmergencyData | null;
  };
  /**
   * List emergencies that the caller raised or responded to
   */
  'GET /emergencies/history': {
    query?: {
      /**
       * Only emergencies that were raised before this time: `createdAt` of the last one of the page before.
       */
      before?: string;
      /**
       * Length of the page. 50 if missing.
       */
      limit?: number;
      /**
       * Only emergencies with this status.
       */
      status?: EmergencyStatus;
    };
    data: EmergencyListing;
  };
  /**
   * List live emergencies near a place
   */
  'GET /emergencies/nearby': {
    query: {
      /**
       * Degrees north (WGS 84).
       */
      latitude: number;
      /**
       * Length of the list. 100 if missing.
       */
      limit?: number;
      /**
       * Degrees east (WGS 84).
       */
      longitude: number;
      /**
       * Metres. 10,000 if missing.
       */
      radius?: number;
    };
    data: NearbyEmergencies;
  };
  /**
   * List the alerts that the caller may answer
   */
  'GET /emergencies/pending-for-helper': {
    data: Emergency[];
  };
  /**
   * Delete an emergency
   */
  'DELETE /emergencies/{id}': {
    params: {
      /**
       * The emergency.
       */
      id: string;
    };
    data: EmergencyDeleted;
  };
  /**
   * Read an emergency
   */
  'GET /emergencies/{id}': {
    params: {
      /**
       * The emergency.
       */
      id: string;
    };
    data: EmergencyData;
  };
  /**
   * Change what the emergency is
   */
  'PATCH /emergencies/{id}': {
    params: {
      /**
       * The emergency.
       */
      id: string;
    };
    body?: EmergencyChange;
    data: EmergencyData;
  };
  /**
   * Take a false alarm back
   */
  'POST /emergencies/{id}/cancel': {
    params: {
      /**
       * The emergency.
       */
      id: string;
    };
    body?: Cancel;
    data: EmergencyData;
  };
  /**
   * Report how far the caller is
   */
  'PUT /emergencies/{id}/helper-status': {
    params: {
      /**
       * The emergency.
       */
      id: string;
    };
    body: HelperStatus;
    data: EmergencyData;
  };
  /**
   * Read the helpers of an emergency
   */
  'GET /emergencies/{id}/helpers': {
    params: {
      /**
       * The emergency.
       */
      id: string;
    };
    data: EmergencyHelpers;
  };
  /**
   * Read messages
   */
  'GET /emergencies/{id}/messages': {
    params: {
      /**
       * The emergency.
       */
      id: string;
    };
    query?: {
      /**
       * Only messages before this one: its id, or a time.
       */
      before?: string;
      /**
       * Length of the page. 50 if missing.
       */
      limit?: number;
    };
    data: MessageList;
  };
  /**
   * Send a message
   */
  'POST /emergencies/{id}/messages': {
    params: {
      /**
       * The emergency.
       */
      id: string;
    };
    body: NewMessage;
    data: MessageData;
  };
  /**
   * Delete a message
   */
  'DELETE /emergencies/{id}/messages/{messageId}': {
    params: {
      /**
       * The emergency.
       */
      id: string;
      /**
       * The message.
       */
      messageId: string;
    };
    data: MessageDeleted;
  };
  /**
   * Rate a helper
   */
  'POST /emergencies/{id}/ratings': {
    params: {
      /**
       * The emergency.
       */
      id: string;
    };
    body: NewRating;
    data: Rated;
  };
  /**
   * Ask for more help
   */
  'POST /emergencies/{id}/renew': {
    params: {
      /**
       * The emergency.
       */
      id: string;
    };
    data: EmergencyData;
  };
  /**
   * Undo an end
   */
  'POST /emergencies/{id}/reopen': {
    params: {
      /**
       * The emergency.
       */
      id: string;
    };
    data: EmergencyData;
  };
  /**
   * Report the other party
   */
  'POST /emergencies/{id}/report': {
    params: {
      /**
       * The emergency.
       */
      id: string;
    };
    body: NewReport;
    data: Reported;
  };
  /**
   * End an emergency
   */
  'POST /emergencies/{id}/resolve': {
    params: {
      /**
       * The emergency.
       */
      id: string;
    };
    body?: Resolve;
    data: EmergencyData;
  };
  /**
   * Answer an alert
   */
  'POST /emergencies/{id}/respond': {
    params: {
      /**
       * The emergency.
       */
      id: string;
    };
    body?: Respond;
    data: EmergencyData;
  };
  /**
   * Read what happened
   */
  'GET /emergencies/{id}/timeline': {
    params: {
      /**
       * The emergency.
       */
      id: string;
    };
    query?: {
      /**
       * Only events after this `eventId`.
       */
      after?: number;
      /**
       * Length of the page. 1,000 if missing.
       */
      limit?: number;
    };
    data: Timeline;
  };
  /**
   * List helpers
   */
  'GET /helpers': {
    query?: {
      /**
       * `nextCursor` of the page before.
       */
      cursor?: string;
      /**
       * Length of the page. 50 if missing.
       */
      limit?: number;
      /**
       * Only helpers with this decision.
       */
      verification?: Verification;
    };
    data: HelperList;
  };
  /**
   * Read the caller's helper record
   */
  'GET /helpers/me': {
    data: HelperData;
  };
  /**
   * Become a helper, or change duty, skills, transport and alert preferences
   */
  'PUT /helpers/me': {
    body?: HelperChange;
    data: HelperData;
  };
  /**
   * Report where the caller is
   */
  'PUT /helpers/me/location': {
    body: PositionReport;
    data: LocationUpdatedPayload;
  };
  /**
   * Ask whether alerts can reach the caller
   */
  'GET /helpers/me/readiness': {
    data: HelperReadiness;
  };
  /**
   * Count helpers
   */
  'GET /helpers/presence': {
    data: HelperPresence;
  };
  /**
   * Block an account, or unblock it
   */
  'PUT /helpers/{userId}/block': {
    params: {
      /**
       * The user.
       */
      userId: string;
    };
    body: AccountBlock;
    data: OwnAccount;
  };
  /**
   * List the users that a user blocked
   */
  'GET /helpers/{userId}/blocks': {
    params: {
      /**
       * The user.
       */
      userId: string;
    };
    data: BlockList;
  };
  /**
   * Verify or reject a helper
   */
  'PUT /helpers/{userId}/verification': {
    params: {
      /**
       * The user.
       */
      userId: string;
    };
    body: VerificationChange;
    data: OwnAccount;
  };
  /**
   * Read the key under which browsers subscribe
   */
  'GET /push/key': {
    data: PushKey;
  };
  /**
   * Find defibrillators and other things that help
   */
  'GET /resources': {
    query: {
      /**
       * Only resources of this kind.
       */
      kind?: ResourceKind;
      /**
       * Degrees north (WGS 84).
       */
      latitude: number;
      /**
       * Length of the list. 100 if missing.
       */
      limit?: number;
      /**
       * Degrees east (WGS 84).
       */
      longitude: number;
      /**
       * Metres. 5,000 if missing.
       */
      radius?: number;
    };
    data: Resources;
  };
  /**
   * Add a resource
   */
  'POST /resources': {
    body: NewResource;
    data: ResourceData;
  };
  /**
   * Delete a resource
   */
  'DELETE /resources/{resourceId}': {
    params: {
      /**
       * The resource.
       */
      resourceId: string;
    };
    data: ResourceDeleted;
  };
  /**
   * Change a resource
   */
  'PUT /resources/{resourceId}': {
    params: {
      /**
       * The resource.
       */
      resourceId: string;
    };
    body?: ResourceChange;
    data: ResourceData;
  };
  /**
   * Report what became of a resource
   */
  'POST /resources/{resourceId}/reports': {
    params: {
      /**
       * The resource.
       */
      resourceId: string;
    };
    body: NewResourceReport;
    data: ResourceData;
  };
}
/**
 * Where helpers are available.
 */
export interface Coverage {
  /**
   * The size of a cell, in metres.
   */
  cell: number;
  /**
   * The cells with an available helper, from south to north.
   *
   * @maxItems 1000000
   */
  cells: CoveredCell[];
}
/**
 * A cell, and the available helpers in it.
 */
export interface CoveredCell {
  /**
   * The centre of the cell: degrees north (WGS 84).
   */
  latitude: number;
  /**
   * Degrees east (WGS 84).
   */
  longitude: number;
  /**
   * The number of helpers; `null` if there are one or two.
   */
  onDuty: number | null;
}
/**
 * A page of emergencies, for administrators. With `status=deleted` it has records of deleted emergencies, otherwise none.
 */
export interface EmergencyPage {
  /**
   * Newest first; deleted ones by when they were deleted.
   *
   * @maxItems 100
   */
  emergencies: EmergencyOrRecord[];
  /**
   * The cursor of the next page; `null` on the last one.
   */
  nextCursor: string | null;
}
/**
 * An emergency in the list for administrators.
 */
export interface ListedEmergency {
  /**
   * The same id, in REST answers and messages.
   */
  _id?: string;
  /**
   * The radius within which helpers are alerted, in metres. Where waves are sent: the smallest of the service's radii (by default 5,
   * 10 and 15 km) that holds three available helpers, or the largest; it grows while no helper responds. Where helpers are chosen by
   * gain: the smallest that holds every helper alerted.
   */
  alertRadius: number;
  /**
   * How many helpers were alerted and reached; `null` for users who take no part.
   */
  alerts: Alerts | null;
  /**
   * The owner is not shown to other users.
   */
  anonymousMode: boolean;
  /**
   * A word of the client for the kind.
   */
  category: string | null;
  /**
   * When the emergency was raised.
   */
  createdAt: string;
  /**
   * What happened.
   */
  description: string | null;
  /**
   * Metres from the caller; `null` where it is not known.
   */
  distance: number | null;
  /**
   * When the first helper accepted.
   */
  firstResponseAt: string | null;
  /**
   * Whether the place stays where it is when the owner moves; `null` for users who take no part.
   */
  fixedPlace: boolean | null;
  /**
   * The id.
   */
  id: string;
  /**
   * The place, as precise as the viewer may know it.
   */
  location: Location;
  /**
   * The place that was given when it was raised; `null` until it has moved.
   */
  origin: Origin | null;
  /**
   * How urgent it is.
   */
  priority: Priority;
  /**
   * Number of emergencies that its owner raised in the ten minutes before it.
   */
  repeats: number;
  /**
   * What was noted at the end.
   */
  resolutionNotes: string | null;
  /**
   * How it ended; `null` while it is live, or if it was cancelled.
   */
  resolutionType: ResolutionType | null;
  /**
   * When it ended, whether resolved or cancelled.
   */
  resolvedAt: string | null;
  /**
   * The user that ended it; `null` where the viewer may not know, or if the service did.
   */
  resolvedBy: string | null;
  /**
   * The responses. Cancelled ones are kept.
   *
   * @maxItems 1000
   */
  respondingHelpers: Response[];
  /**
   * From 1 (least) to 10.
   */
  severity: number;
  /**
   * Nothing may make a sound at the owner's side.
   */
  silentMode: boolean;
  /**
   * Where the emergency is in its life.
   */
  status: EmergencyStatus;
  /**
   * The kind of emergency.
   */
  type: EmergencyType;
  /**
   * When it changed last.
   */
  updatedAt: string;
  /**
   * The owner; `null` where the viewer may not know them.
   */
  user: Person | null;
}
export interface Alerts {
  /**
   * The same as `delivered`.
   */
  acknowledged: number;
  /**
   * Helpers that were alerted.
   */
  alerted: number;
  /**
   * Alerts that were declined.
   */
  declined: number;
  /**
   * Alerts that a device confirmed.
   */
  delivered: number;
  /**
   * Alerts that no push service took.
   */
  failed: number;
  /**
   * Skills that the kind of emergency requires, and that were not required because too few helpers have them.
   *
   * @maxItems 20
   */
  relaxed: string[];
  /**
   * Alerts that a person saw.
   */
  seen: number;
  /**
   * Alerts that a device or a push service took.
   */
  sent: number;
  /**
   * Helpers that were passed over.
   */
  skipped: Skipped;
  /**
   * The number of the last search, from 1.
   */
  wave: number;
}
/**
 * How many helpers within the alert radius were passed over, by reason. Numbers below 3 are `null`, because they could tell of
 * one helper, unless an administrator reads them.
 */
export interface Skipped {
  /**
   * In an emergency of their own, or responding to another.
   */
  engaged: number | null;
  /**
   * At their limit of alerts.
   */
  limit: number | null;
  /**
   * In a pause.
   */
  paused: number | null;
  /**
   * In quiet hours.
   */
  quiet: number | null;
}
/**
 * The place of an emergency, as precise as the viewer may know it.
 */
export interface Location {
  /**
   * A postal address, as it was typed; `null` for viewers who are shown an approximate place.
   */
  address: string | null;
  /**
   * How to find the place; `null` for viewers who are shown an approximate place.
   */
  description: string | null;
  /**
   * Degrees north (WGS 84).
   */
  latitude: number;
  /**
   * Degrees east (WGS 84).
   */
  longitude: number;
  /**
   * Size of the cell whose centre this is, in metres; 0 for the exact place.
   */
  precision: number;
}
/**
 * The place that was given when an emergency was raised, as precise as its present place.
 */
export interface Origin {
  /**
   * A postal address, as it was typed; `null` for viewers who are shown an approximate place.
   */
  address: string | null;
  /**
   * How to find the place; `null` for viewers who are shown an approximate place.
   */
  description: string | null;
  /**
   * Degrees north (WGS 84).
   */
  latitude: number;
  /**
   * Degrees east (WGS 84).
   */
  longitude: number;
}
export interface Response {
  /**
   * When the helper expects to arrive.
   */
  estimatedArrival: string | null;
  /**
   * The helper.
   */
  helper: HelperCard;
  /**
   * When the helper was connected last; `null` where the viewer may not know.
   */
  lastSeenAt: string | null;
  /**
   * What the helper noted.
   */
  notes: string | null;
  /**
   * Whether the helper is connected; `null` where the viewer may not know.
   */
  online: boolean | null;
  /**
   * The box that the helper brings; `null` for viewers who take no part, and for a helper whom a block separates from this one.
   */
  resourceId: string | null;
  /**
   * When the helper accepted.
   */
  respondedAt: string;
  /**
   * The task of a helper who comes; `null` for viewers who take no part, and for a helper whom a block separates from this one.
   */
  role: TeamRole | null;
  /**
   * Whether the helper gave no sign for too long, and does not count as help until the next one; `null` for viewers who take no
   * part.
   */
  stalled: boolean | null;
  /**
   * How far the helper is.
   */
  status: ResponseStatus;
  /**
   * When the response changed last.
   */
  updatedAt: string;
}
/**
 * A helper, as participants see them.
 */
export interface HelperCard {
  /**
   * The same id, in REST answers and messages.
   */
  _id?: string;
  /**
   * The ratings by owners.
   */
  helperRating: Rating;
  /**
   * The id.
   */
  id: string;
  /**
   * The name.
   */
  profile: PersonName;
  /**
   * Points for completed responses and good ratings. Starts at 0.
   */
  trustScore: number;
}
/**
 * The ratings of a helper.
 */
export interface Rating {
  /**
   * The average score, from 1 to 5; 0 without ratings.
   */
  average: number;
  /**
   * The number of ratings.
   */
  count: number;
}
/**
 * The name of a person.
 */
export interface PersonName {
  /**
   * The given name, or the only one.
   */
  firstName: string;
  /**
   * The family name.
   */
  lastName: string | null;
}
/**
 * A person, as others see them.
 */
export interface Person {
  /**
   * The same id, in REST answers.
   */
  _id?: string | null;
  /**
   * The id; `null` where the viewer may not know it.
   */
  id: string | null;
  /**
   * The name.
   */
  profile: PersonName;
}
/**
 * The record of a deleted emergency, for administrators.
 */
export interface DeletedEmergency {
  /**
   * The same id, in REST answers and messages.
   */
  _id?: string;
  /**
   * When the emergency was raised.
   */
  createdAt: string;
  /**
   * When its owner deleted it.
   */
  deletedAt: string;
  /**
   * How the emergency had ended.
   */
  endedAs: EmergencyStatus;
  /**
   * When it ended.
   */
  endedAt: string;
  /**
   * The id.
   */
  id: string;
  /**
   * The centre of a cell of 1,000 m.
   */
  location: Area;
  /**
   * Always `deleted`.
   */
  status: 'deleted';
  /**
   * The kind of emergency.
   */
  type: EmergencyType;
  /**
   * The owner.
   */
  user: Person;
}
/**
 * A place that is known to a kilometre.
 */
export interface Area {
  /**
   * Degrees north (WGS 84).
   */
  latitude: number;
  /**
   * Degrees east (WGS 84).
   */
  longitude: number;
  /**
   * The size of the cell, in metres.
   */
  precision: number;
}
/**
 * The receipt of a push.
 */
export interface PushReceipt {
  /**
   * What the push had as `receipt`.
   */
  receipt: string;
  /**
   * What has become of the push.
   */
  state: ReceiptState;
}
/**
 * A receipt was read, whether or not it was valid.
 */
export interface ReceiptTaken {
  /**
   * Always true.
   */
  received: boolean;
}
/**
 * The settings of an app.
 */
export interface AppConfig {
  /**
   * For how many seconds an app counts down before it raises an emergency. The service itself never waits.
   */
  alertHold: number;
  /**
   * The number by which the authorities are called.
   */
  emergencyNumber: EmergencyNumber;
  /**
   * Which accounts may help.
   */
  helperPolicy: HelperPolicy;
  /**
   * Whether emails are sent: to reset passwords, to contacts and to helpers.
   */
  mail: boolean;
  /**
   * The map; `null` if the service has none.
   */
  mapTiles: MapTiles | null;
  /**
   * What helpers are shown of a place before they accept.
   */
  placeBeforeAccept: PlaceBeforeAccept;
  /**
   * Whether devices can be registered for pushes.
   */
  push: boolean;
}
/**
 * Where an app loads the images of its map.
 */
export interface MapTiles {
  /**
   * The plain text that is shown beside the map, as its license asks for; `null` if that is nothing.
   */
  attribution: Attribution | null;
  /**
   * The URL of one image.
   */
  url: TilesUrl;
}
/**
 * The emergency contacts of the caller.
 */
export interface ContactList {
  /**
   * In their order.
   *
   * @maxItems 10
   */
  contacts: Contact[];
}
/**
 * An emergency contact.
 */
export interface Contact {
  /**
   * The same id, in REST answers and messages.
   */
  _id?: string;
  /**
   * How long after `on` the contact is told, in seconds.
   */
  afterSeconds: number;
  /**
   * When the contact agreed.
   */
  confirmedAt: string | null;
  /**
   * When the contact was added.
   */
  createdAt: string;
  /**
   * The address that is written to.
   */
  email: string;
  /**
   * The id.
   */
  id: string;
  /**
   * The contact is not told of an emergency with `silentMode`.
   */
  livesWithOwner: boolean;
  /**
   * The name of the contact.
   */
  name: string;
  /**
   * When the contact is told.
   */
  on: ContactTrigger;
  /**
   * The place in the list, from 0.
   */
  order: number;
  /**
   * A phone number, as it was typed.
   */
  phone: string | null;
  /**
   * Whether the contact has agreed.
   */
  state: ContactState;
}
/**
 * A new emergency contact.
 */
export interface NewContact {
  /**
   * How long after `on` the contact is told, in seconds. 0 if missing.
   */
  afterSeconds?: number | null;
  /**
   * The address that is written to.
   */
  email: string;
  /**
   * The contact is not told of an emergency with `silentMode`. False if missing.
   */
  livesWithOwner?: boolean | null;
  /**
   * The name of the contact.
   */
  name: string;
  /**
   * When the contact is told. `created` if missing.
   */
  on?: ContactTrigger | null;
  /**
   * The place in the list, from 0. 0 if missing.
   */
  order?: number | null;
  /**
   * A phone number, as it was typed.
   */
  phone?: string | null;
}
/**
 * One emergency contact.
 */
export interface ContactData {
  /**
   * The contact.
   */
  contact: Contact;
}
/**
 * A contact was deleted.
 */
export interface ContactDeleted {
  /**
   * The contact.
   */
  contactId: string;
  /**
   * Always true.
   */
  deleted: boolean;
}
/**
 * Changes of an emergency contact. A missing field stays as it is, `null` makes it the default.
 */
export interface ContactChange {
  /**
   * How long after `on` the contact is told, in seconds.
   */
  afterSeconds?: number | null;
  /**
   * The address that is written to. Cannot be cleared. A new one is invited anew.
   */
  email?: string;
  /**
   * The contact is not told of an emergency with `silentMode`.
   */
  livesWithOwner?: boolean | null;
  /**
   * The name of the contact. Cannot be cleared.
   */
  name?: string;
  /**
   * When the contact is told.
   */
  on?: ContactTrigger | null;
  /**
   * The place in the list, from 0.
   */
  order?: number | null;
  /**
   * A phone number, as it was typed.
   */
  phone?: string | null;
}
/**
 * The account whose password was forgotten.
 */
export interface ForgotPassword {
  /**
   * The email address of the account.
   */
  email: string;
}
/**
 * The credentials of an account.
 */
export interface Login {
  /**
   * The email address of the account, in any case.
   */
  email: string;
  /**
   * The password.
   */
  password: string;
}
/**
 * An account, and the tokens of a new session.
 */
export interface Session {
  /**
   * The tokens of the new session.
   */
  tokens: Tokens;
  /**
   * The account.
   */
  user: User;
}
/**
 * The tokens of a session.
 */
export interface Tokens {
  /**
   * A JWT for `Authorization: Bearer` and for the handshake. Valid for 24 hours, unless configured otherwise.
   */
  accessToken: string;
  /**
   * A JWT that is exchanged once for a new pair.
   */
  refreshToken: string;
}
/**
 * An account, for its owner or an administrator.
 */
export interface User {
  /**
   * The same id, in REST answers and messages.
   */
  _id?: string;
  /**
   * When the account was registered.
   */
  createdAt: string;
  /**
   * The email address, in lower case.
   */
  email: string;
  /**
   * The helper record; `null` for an account that never asked to help.
   */
  helper: HelperRecord | null;
  /**
   * The id.
   */
  id: string;
  /**
   * False if an administrator blocked the account.
   */
  isActive: boolean;
  /**
   * Name, phone number and language.
   */
  profile: Profile;
  /**
   * What the account may do.
   */
  role: Role;
}
/**
 * A helper record; for the helper, with the alert preferences.
 */
export interface HelperRecord {
  /**
   * Whether the helper is alerted now, and if not, why. An account that may not help yet is `off_duty`.
   */
  availability?: Availability;
  /**
   * The duty switch: whether the helper wants to be alerted.
   */
  available: boolean;
  /**
   * When that ends by itself; `null` if it does not.
   */
  availableAt?: string | null;
  /**
   * Which alerts come through in quiet hours, pauses and beyond the limit.
   */
  breakthrough?: Breakthrough;
  /**
   * Skills that an administrator checked, expired ones included.
   *
   * @maxItems 20
   */
  checkedSkills: HelperSkill[];
  /**
   * The ratings by owners.
   */
  helperRating: Rating;
  /**
   * How many different owners may alert in 24 hours; `null` without a limit.
   */
  maxAlertsPerDay?: number | null;
  /**
   * Other channels, for an alert that no device confirms.
   */
  notify?: NotifyChannels;
  /**
   * When the pause ends; `null` without one.
   */
  pausedUntil?: string | null;
  /**
   * Weekly windows without alerts.
   *
   * @maxItems 7
   */
  quiet?: QuietWindow[];
  /**
   * What the helper can do, as they named it.
   *
   * @maxItems 20
   */
  skills: string[];
  /**
   * How far the account was checked. Only a verified helper is `registered` or `professional`.
   */
  tier: Tier;
  /**
   * The time zone of the windows.
   */
  timeZone?: string | null;
  /**
   * How the helper usually travels to an emergency.
   */
  transport: Transport;
  /**
   * Points for completed responses and good ratings. Starts at 0.
   */
  trustScore: number;
  /**
   * Whether an administrator verified the helper.
   */
  verification: Verification;
}
/**
 * A skill that an administrator checked.
 */
export interface HelperSkill {
  /**
   * Its name.
   */
  name: string;
  /**
   * When it expires; `null` if it does not.
   */
  until: string | null;
}
/**
 * Channels by which a helper may be reached if no device confirms an alert.
 */
export interface NotifyChannels {
  /**
   * Email.
   */
  email: boolean;
  /**
   * SMS or a call.
   */
  sms: boolean;
}
/**
 * A weekly window on the clock. One that ends at an earlier time than it begins ends the next day.
 */
export interface QuietWindow {
  /**
   * The days on which it begins, from 1 (Monday) to 7 (Sunday).
   *
   * @minItems 1
   * @maxItems 7
   */
  days: number[];
  /**
   * When it begins.
   */
  from: string;
  /**
   * When it ends. Not equal to `from`.
   */
  to: string;
}
export interface Profile {
  /**
   * The URL of a picture.
   */
  avatar: string | null;
  /**
   * A few sentences about the person.
   */
  bio: string | null;
  /**
   * The given name, or the only one.
   */
  firstName: string;
  /**
   * The family name.
   */
  lastName: string | null;
  /**
   * The language of emails and pushes.
   */
  locale: Locale;
  /**
   * A phone number, as it was typed.
   */
  phone: string | null;
}
/**
 * Which session ends.
 */
export interface Logout {
  /**
   * The refresh token of the session; without it all sessions of the user end.
   */
  refreshToken?: string | null;
}
/**
 * What confirms that an account is to be deleted.
 */
export interface AccountDeletion {
  /**
   * The present password.
   */
  password: string;
}
/**
 * The account of the caller.
 */
export interface OwnAccount {
  /**
   * The account.
   */
  user: User;
}
/**
 * Changes of the profile. A missing field stays as it is, `null` or an empty text clears it.
 */
export interface ProfileChange {
  /**
   * The URL of a picture: `http` or `https`.
   */
  avatar?: string | null;
  /**
   * A few sentences about the person.
   */
  bio?: string | null;
  /**
   * The given name, or the only one. Cannot be cleared.
   */
  firstName?: string;
  /**
   * The family name.
   */
  lastName?: string | null;
  /**
   * The language of emails and pushes. `null` is `en`.
   */
  locale?: Locale | null;
  /**
   * A phone number, as it was typed.
   */
  phone?: string | null;
}
/**
 * When administrators have read exact places of the caller.
 */
export interface AccessLog {
  /**
   * Newest first.
   *
   * @maxItems 1000
   */
  entries: AccessEntry[];
}
/**
 * An entry of the access log: an administrator has read an exact place of the user.
 */
export interface AccessEntry {
  /**
   * When.
   */
  at: string;
  /**
   * The emergency that the user owned or responded to. It may be deleted since.
   */
  emergencyId: string;
  /**
   * Always `administrator`: which one is not said.
   */
  reader: string;
  /**
   * How: the first time within the hour.
   */
  what: AccessKind;
}
/**
 * The blocks that the caller made.
 */
export interface BlockList {
  /**
   * Oldest first.
   *
   * @maxItems 100
   */
  blocks: Block[];
}
/**
 * A block of another user, as the user that made it named them.
 */
export interface Block {
  /**
   * When the block was made.
   */
  createdAt: string;
  /**
   * The blocked email address; `null` for a block by user.
   */
  email: string | null;
  /**
   * The id of the block, by which it can be deleted.
   */
  id: string;
  /**
   * The blocked user; `null` for a block by email address.
   */
  userId: string | null;
}
/**
 * A user to block, by email address.
 */
export interface BlockByEmail {
  /**
   * The address. The answer is the same whether or not an account has it.
   */
  email: string;
}
/**
 * One block.
 */
export interface BlockData {
  /**
   * The block.
   */
  block: Block;
}
/**
 * A block was deleted.
 */
export interface BlockDeleted {
  /**
   * Always true, also if there was no such block.
   */
  deleted: boolean;
  /**
   * The id in the path.
   */
  id: string;
}
/**
 * All that is stored of a user, without what would name others who stay unknown to them: who reported or blocked them, and the
 * owners of anonymous emergencies.
 */
export interface AccountExport {
  /**
   * When administrators have read exact places of the user, newest first.
   *
   * @maxItems 1000
   */
  accessLog: AccessEntry[];
  /**
   * The account.
   */
  account: User;
  /**
   * The emergencies that the user was alerted to, newest first.
   *
   * @maxItems 10000
   */
  alerts: ExportedAlert[];
  /**
   * The users that the user blocks.
   *
   * @maxItems 100
   */
  blocks: Block[];
  /**
   * The emergency contacts, as the user entered them.
   *
   * @maxItems 10
   */
  contacts: Contact[];
  /**
   * The devices.
   *
   * @maxItems 10
   */
  devices: Device[];
  /**
   * The emergencies that the user raised, newest first.
   *
   * @maxItems 1000
   */
  emergencies: Emergency[];
  /**
   * What the user did as a helper, in numbers; `null` if nothing was counted.
   */
  helperHistory: ExportedHistory | null;
  /**
   * The messages that the user wrote, newest first.
   *
   * @maxItems 10000
   */
  messages: ExportedMessage[];
  /**
   * The last position; `null` without one.
   */
  position: ExportedPosition | null;
  /**
   * The ratings that the user gave or was given, newest first.
   *
   * @maxItems 10000
   */
  ratings: ExportedRating[];
  /**
   * The reports that the user made, newest first.
   *
   * @maxItems 10000
   */
  reports: ExportedReport[];
  /**
   * The user's reports on resources, the newest on each, newest first. They are kept for 30 days.
   *
   * @maxItems 10000
   */
  resourceReports: ExportedResourceReport[];
  /**
   * The user's responses, newest first.
   *
   * @maxItems 10000
   */
  responses: ExportedResponse[];
  /**
   * The sessions.
   *
   * @maxItems 100
   */
  sessions: SessionOverview[];
}
/**
 * An emergency that the user was alerted to.
 *
 * Without its distance, which would tell where it was.
 */
export interface ExportedAlert {
  /**
   * When an app of the user acknowledged it.
   */
  acknowledgedAt: string | null;
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * When the user was seen to look at it.
   */
  seenAt: string | null;
  /**
   * When the alert was last sent; `null` if there was none.
   */
  sentAt: string | null;
}
/**
 * A device. Neither the endpoint nor its keys are shown: the browser has them.
 */
export interface Device {
  /**
   * When it was registered.
   */
  createdAt: string;
  /**
   * The id of the device.
   */
  id: string;
  /**
   * The service has another push key than the device was registered under: subscribe again.
   */
  keyChanged: boolean;
  /**
   * How the device is reached.
   */
  kind: DeviceKind;
  /**
   * When it last confirmed a push.
   */
  lastDeliveredAt: string | null;
  /**
   * When a push service last took a push for it.
   */
  lastSentAt: string | null;
  /**
   * What its user calls it.
   */
  name: string | null;
  /**
   * `failing` if the push service refuses pushes to it.
   */
  state: DeviceState;
}
/**
 * An emergency as one viewer may see it.
 */
export interface Emergency {
  /**
   * The same id, in REST answers and messages.
   */
  _id?: string;
  /**
   * The radius within which helpers are alerted, in metres. Where waves are sent: the smallest of the service's radii (by default 5,
   * 10 and 15 km) that holds three available helpers, or the largest; it grows while no helper responds. Where helpers are chosen by
   * gain: the smallest that holds every helper alerted.
   */
  alertRadius: number;
  /**
   * How many helpers were alerted and reached; `null` for users who take no part.
   */
  alerts: Alerts | null;
  /**
   * The owner is not shown to other users.
   */
  anonymousMode: boolean;
  /**
   * A word of the client for the kind.
   */
  category: string | null;
  /**
   * When the emergency was raised.
   */
  createdAt: string;
  /**
   * What happened.
   */
  description: string | null;
  /**
   * Metres from the caller; `null` where it is not known.
   */
  distance: number | null;
  /**
   * When the first helper accepted.
   */
  firstResponseAt: string | null;
  /**
   * Whether the place stays where it is when the owner moves; `null` for users who take no part.
   */
  fixedPlace: boolean | null;
  /**
   * The id.
   */
  id: string;
  /**
   * The place, as precise as the viewer may know it.
   */
  location: Location;
  /**
   * The place that was given when it was raised; `null` until it has moved.
   */
  origin: Origin | null;
  /**
   * How urgent it is.
   */
  priority: Priority;
  /**
   * What was noted at the end.
   */
  resolutionNotes: string | null;
  /**
   * How it ended; `null` while it is live, or if it was cancelled.
   */
  resolutionType: ResolutionType | null;
  /**
   * When it ended, whether resolved or cancelled.
   */
  resolvedAt: string | null;
  /**
   * The user that ended it; `null` where the viewer may not know, or if the service did.
   */
  resolvedBy: string | null;
  /**
   * The responses. Cancelled ones are kept.
   *
   * @maxItems 1000
   */
  respondingHelpers: Response[];
  /**
   * From 1 (least) to 10.
   */
  severity: number;
  /**
   * Nothing may make a sound at the owner's side.
   */
  silentMode: boolean;
  /**
   * Where the emergency is in its life.
   */
  status: EmergencyStatus;
  /**
   * The kind of emergency.
   */
  type: EmergencyType;
  /**
   * When it changed last.
   */
  updatedAt: string;
  /**
   * The owner; `null` where the viewer may not know them.
   */
  user: Person | null;
}
/**
 * What the user did as a helper, in numbers, over all emergencies: from these the service estimates the chance that the user comes.
 */
export interface ExportedHistory {
  /**
   * Acceptances.
   */
  accepted: number;
  /**
   * Emergencies that the user was alerted to.
   */
  alerts: number;
  /**
   * Arrivals.
   */
  arrived: number;
  /**
   * Acceptances that were neither cancelled nor stalled.
   */
  kept: number;
}
/**
 * A message that the user wrote.
 */
export interface ExportedMessage {
  /**
   * When it was sent.
   */
  createdAt: string;
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * The id.
   */
  id: string;
  /**
   * The text.
   */
  message: string;
}
/**
 * The last position of the user.
 */
export interface ExportedPosition {
  /**
   * When it was received.
   */
  at: string;
  /**
   * Degrees north.
   */
  latitude: number;
  /**
   * Degrees east.
   */
  longitude: number;
}
/**
 * A rating that the user gave or was given.
 */
export interface ExportedRating {
  /**
   * The comment of the owner.
   */
  comment: string | null;
  /**
   * When it was given.
   */
  createdAt: string;
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * The rated helper: the user, unless the user gave it.
   */
  helperId: string;
  /**
   * The score.
   */
  score: number;
}
/**
 * A report that the user made.
 */
export interface ExportedReport {
  /**
   * When it was made.
   */
  createdAt: string;
  /**
   * The emergency, which may be deleted since.
   */
  emergencyId: string;
  /**
   * The user's words.
   */
  reason: string;
  /**
   * The reported user; `null` for the owner of an anonymous emergency, and of one that is deleted.
   */
  userId: string | null;
}
/**
 * A report of the user on a resource.
 */
export interface ExportedResourceReport {
  /**
   * The user's words.
   */
  note: string | null;
  /**
   * When it was made.
   */
  reportedAt: string;
  /**
   * The resource.
   */
  resourceId: string;
  /**
   * What the user saw.
   */
  state: ReportedState;
}
/**
 * A response of the user.
 */
export interface ExportedResponse {
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * When the user expected to arrive.
   */
  estimatedArrival: string | null;
  /**
   * The user's notes.
   */
  notes: string | null;
  /**
   * When the user accepted.
   */
  respondedAt: string;
  /**
   * The status.
   */
  status: ResponseStatus;
  /**
   * When it last changed.
   */
  updatedAt: string;
}
/**
 * A session, for its user.
 */
export interface SessionOverview {
  /**
   * When the login happened.
   */
  createdAt: string;
  /**
   * Whether the request belongs to it.
   */
  current: boolean;
  /**
   * The id, the claim `sid` of its tokens.
   */
  id: string;
  /**
   * When it last got tokens: at the login, or for a refresh token.
   */
  lastUsedAt: string;
  /**
   * The program that got the tokens, as it named itself.
   */
  userAgent: string | null;
}
/**
 * The refresh token that is exchanged.
 */
export interface Refresh {
  /**
   * The refresh token of the last answer.
   */
  refreshToken: string;
}
/**
 * A new account: with `name`, or with `firstName` and perhaps `lastName`.
 */
export interface Register {
  /**
   * An email address that no account has.
   */
  email: string;
  /**
   * The given name, or the only one.
   */
  firstName?: string | null;
  /**
   * The family name.
   */
  lastName?: string | null;
  /**
   * The whole name, which is split at its first white space.
   */
  name?: string | null;
  /**
   * Not trimmed.
   */
  password: string;
  /**
   * A phone number, as it was typed.
   */
  phone?: string | null;
}
/**
 * A new password, with the token of the link in the email.
 */
export interface ResetPassword {
  /**
   * The new password. Not trimmed.
   */
  password: string;
  /**
   * What follows `#token=` in the link.
   */
  token: string;
}
/**
 * The sessions of the caller.
 */
export interface SessionList {
  /**
   * Last used first.
   *
   * @maxItems 100
   */
  sessions: SessionOverview[];
}
/**
 * A session was ended.
 */
export interface SessionDeleted {
  /**
   * Always true.
   */
  deleted: boolean;
  /**
   * The session.
   */
  sessionId: string;
}
/**
 * How often a user helped and was helped.
 *
 * `general` and `reports` are always 0: the existing web client shows them, and this service does not count them.
 */
export interface Stats {
  /**
   * Completed responses.
   */
  helped: Tally;
  /**
   * Always 0.
   */
  reports: number;
  /**
   * Emergencies raised.
   */
  requested: Tally;
  /**
   * Points for completed responses and good ratings. Starts at 0.
   */
  trustScore: number;
}
export interface Tally {
  /**
   * The number of emergencies.
   */
  emergency: number;
  /**
   * Always 0.
   */
  general: number;
  /**
   * The same number.
   */
  total: number;
}
/**
 * A new password, with the present one.
 */
export interface PasswordChange {
  /**
   * The present password.
   */
  currentPassword: string;
  /**
   * The new password. Not trimmed.
   */
  newPassword: string;
}
/**
 * The devices of the caller.
 */
export interface DeviceList {
  /**
   * Newest first.
   *
   * @maxItems 10
   */
  devices: Device[];
}
/**
 * A Web Push subscription, as browsers give it.
 */
export interface NewDevice {
  /**
   * The key under which the browser subscribed: refused if it is not the present one.
   */
  applicationServerKey?: string | null;
  /**
   * The URL of the push service: `https`, port 443 or 1024 and above, a public address.
   */
  endpoint: string;
  /**
   * The keys of the subscription.
   */
  keys: SubscriptionKeys;
  /**
   * How the device is reached.
   */
  kind: DeviceKind;
  /**
   * What its user calls the device.
   */
  name?: string | null;
}
/**
 * The keys of a Web Push subscription, in base64url without padding.
 */
export interface SubscriptionKeys {
  /**
   * 16 octets.
   */
  auth: string;
  /**
   * A point of P-256, uncompressed.
   */
  p256dh: string;
}
/**
 * One device.
 */
export interface DeviceData {
  /**
   * The device.
   */
  device: Device;
}
/**
 * A device was removed.
 */
export interface DeviceDeleted {
  /**
   * Always true.
   */
  deleted: boolean;
  /**
   * The device.
   */
  deviceId: string;
}
/**
 * A call for help.
 */
export interface Raise {
  /**
   * The owner is not shown to other users. False if missing.
   */
  anonymousMode?: boolean | null;
  /**
   * A word of the client for the kind.
   */
  category?: string | null;
  /**
   * What happened.
   */
  description?: string | null;
  /**
   * The place stays where it is when the owner moves: help is needed there by somebody else, for instance. False if missing:
   * then the place follows the session that raises the emergency if that was there within the last five minutes.
   */
  fixedPlace?: boolean | null;
  /**
   * The place.
   */
  location: RaiseLocation;
  /**
   * How urgent it is. `high` if missing.
   */
  priority?: Priority | null;
  /**
   * An id of this call, made by the client, which may then repeat it: the answer to a repetition is the emergency that exists.
   */
  requestId?: string | null;
  /**
   * From 1 (least) to 10. 5 if missing.
   */
  severity?: number | null;
  /**
   * Nothing may make a sound at the owner's side. False if missing.
   */
  silentMode?: boolean | null;
  /**
   * The kind of emergency. `other` if missing.
   */
  type?: EmergencyType | null;
}
/**
 * The place of an emergency.
 */
export interface RaiseLocation {
  /**
   * A postal address.
   */
  address?: string | null;
  /**
   * How to find the place.
   */
  description?: string | null;
  /**
   * Degrees north (WGS 84).
   */
  latitude: number;
  /**
   * Degrees east (WGS 84).
   */
  longitude: number;
}
/**
 * An emergency that was raised.
 */
export interface Raised {
  /**
   * The emergency.
   */
  emergency: Emergency;
  /**
   * Available helpers within the alert radius, connected or not, without the owner.
   */
  nearbyHelperCount: number;
}
/**
 * One emergency.
 */
export interface EmergencyData {
  /**
   * The emergency.
   */
  emergency: Emergency;
}
/**
 * Emergencies.
 */
export interface EmergencyListing {
  /**
   * Newest first.
   *
   * @maxItems 100
   */
  emergencies: Emergency[];
}
/**
 * Live emergencies near a place.
 */
export interface NearbyEmergencies {
  /**
   * The length of the list.
   */
  count: number;
  /**
   * Nearest first.
   *
   * @maxItems 100
   */
  emergencies: Emergency[];
}
/**
 * An emergency was deleted.
 */
export interface EmergencyDeleted {
  /**
   * Always true.
   */
  deleted: boolean;
  /**
   * The emergency.
   */
  emergencyId: string;
}
/**
 * Changes of a live emergency. A missing field stays as it is.
 */
export interface EmergencyChange {
  /**
   * A word of the client for the kind. `null` clears it.
   */
  category?: string | null;
  /**
   * What happened. `null` clears it.
   */
  description?: string | null;
  /**
   * How urgent it is.
   */
  priority?: Priority | null;
  /**
   * From 1 (least) to 10.
   */
  severity?: number | null;
  /**
   * The kind of emergency.
   */
  type?: EmergencyType | null;
}
/**
 * A false alarm.
 */
export interface Cancel {
  /**
   * Why.
   */
  reason?: string | null;
}
/**
 * How far a responding helper is.
 */
export interface HelperStatus {
  /**
   * When the helper expects to arrive.
   */
  estimatedArrival?: string | null;
  /**
   * What the helper notes. Replaces earlier notes.
   */
  notes?: string | null;
  /**
   * What became of the box that the helper is to bring. `collected` and `delivered` are refused while the newest position since
   * accepting is elsewhere; without such a position they are believed.
   */
  resourceState?: ResourceState | null;
  /**
   * The new status: at or after the present one, or `cancelled`.
   */
  status: ResponseStatus;
}
/**
 * The helpers of an emergency.
 */
export interface EmergencyHelpers {
  /**
   * The number of `helpers`.
   */
  count: number;
  /**
   * The responses that are not cancelled.
   *
   * @maxItems 1000
   */
  helpers: Responder[];
  /**
   * Available helpers within the largest radius of `within` that are connected; `null` if there are one or two. Those who respond are
   * not available.
   */
  online: number | null;
  /**
   * Available helpers within 500, 1,000, 2,000 and 5,000 metres, as far as the alert radius; each number includes those of the
   * smaller radii.
   *
   * @maxItems 10
   */
  within: HelperCount[];
}
/**
 * A response that is not cancelled, with the keys of its helper beside it.
 */
export interface Responder {
  /**
   * The same id, in REST answers and messages.
   */
  _id?: string;
  /**
   * Metres to the emergency; `null` for viewers who take no part.
   */
  distance: number | null;
  /**
   * When the helper expects to arrive.
   */
  estimatedArrival: string | null;
  /**
   * The helper.
   */
  helper: HelperCard;
  /**
   * The ratings by owners.
   */
  helperRating: Rating;
  /**
   * The id.
   */
  id: string;
  /**
   * When the helper was connected last; `null` where the viewer may not know.
   */
  lastSeenAt: string | null;
  /**
   * What the helper noted.
   */
  notes: string | null;
  /**
   * Whether the helper is connected; `null` where the viewer may not know.
   */
  online: boolean | null;
  /**
   * The name.
   */
  profile: PersonName;
  /**
   * The box that the helper brings; `null` for viewers who take no part, and for a helper whom a block separates from this one.
   */
  resourceId: string | null;
  /**
   * When the helper accepted.
   */
  respondedAt: string;
  /**
   * The task of a helper who comes; `null` for viewers who take no part, and for a helper whom a block separates from this one.
   */
  role: TeamRole | null;
  /**
   * Whether the helper gave no sign for too long, and does not count as help until the next one; `null` for viewers who take no
   * part.
   */
  stalled: boolean | null;
  /**
   * How far the helper is.
   */
  status: ResponseStatus;
  /**
   * Points for completed responses and good ratings. Starts at 0.
   */
  trustScore: number;
  /**
   * When the response changed last.
   */
  updatedAt: string;
}
export interface HelperCount {
  /**
   * The number of available helpers; `null` if there are one or two.
   */
  count: number | null;
  /**
   * Metres.
   */
  radius: number;
}
/**
 * Messages of an emergency.
 */
export interface MessageList {
  /**
   * Oldest first.
   *
   * @maxItems 100
   */
  messages: Message[];
}
/**
 * A message as one viewer may see it. It has `_id` in events too, by which the existing web client finds duplicates.
 */
export interface Message {
  /**
   * The same id, in REST answers and messages.
   */
  _id?: string;
  /**
   * When it was sent.
   */
  createdAt: string;
  /**
   * The initials to show.
   */
  displayInitials: string;
  /**
   * The name of the sender to show.
   */
  displayName: string;
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * The id.
   */
  id: string;
  /**
   * Whether the viewer sent it.
   */
  isMine: boolean;
  /**
   * The text.
   */
  message: string;
  /**
   * The recipient of a direct message, `creator` for an anonymous owner; `null` for a message to everybody.
   */
  recipientId: string | null;
  /**
   * What the recipient is to the emergency; `null` for a message to everybody.
   */
  recipientRole: 'creator' | 'helper' | null;
  /**
   * The sender; `null` for the service (`senderRole` is `system`), and where the viewer may not know an anonymous owner.
   */
  senderId: string | null;
  /**
   * What the sender is to the emergency.
   */
  senderRole: 'creator' | 'helper' | 'system';
}
/**
 * A message.
 */
export interface NewMessage {
  /**
   * The text.
   */
  message: string;
  /**
   * The recipient of a direct message: the id of a participant, or `creator` for the owner. Missing: all participants.
   */
  recipientId?: string | null;
  /**
   * An id of this message, made by the client, which may then repeat it.
   */
  requestId?: string | null;
}
/**
 * One message.
 */
export interface MessageData {
  /**
   * The message.
   */
  message: Message;
}
/**
 * A message was deleted.
 */
export interface MessageDeleted {
  /**
   * Always true.
   */
  deleted: boolean;
  /**
   * The message.
   */
  messageId: string;
}
/**
 * A rating of a helper.
 */
export interface NewRating {
  /**
   * A comment.
   */
  comment?: string | null;
  /**
   * The helper.
   */
  helperId: string;
  /**
   * From 1 to 5.
   */
  score: number;
}
/**
 * A helper was rated.
 */
export interface Rated {
  /**
   * Whether it changed the helper's trust: only the first of a pair of users does.
   */
  counted: boolean;
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * The helper.
   */
  helperId: string;
  /**
   * The score, from 1 to 5.
   */
  score: number;
}
/**
 * A report of another user.
 */
export interface NewReport {
  /**
   * What happened.
   */
  reason: string;
  /**
   * The other party. Without it a helper reports the owner.
   */
  userId?: string | null;
}
/**
 * Another user was reported.
 */
export interface Reported {
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Always true.
   */
  reported: boolean;
}
/**
 * The end of an emergency.
 */
export interface Resolve {
  /**
   * What to note about the end.
   */
  notes?: string | null;
  /**
   * Accepted for older clients, and ignored: it follows from who resolves.
   */
  resolutionType?: ResolutionType | null;
}
/**
 * A helper's answer to an alert.
 */
export interface Respond {
  /**
   * Whether the helper comes. `accept` if missing.
   */
  action?: ResponseAction | null;
  /**
   * When the helper expects to arrive.
   */
  estimatedArrival?: string | null;
}
/**
 * The events of an emergency.
 */
export interface Timeline {
  /**
   * In the order in which they happened.
   *
   * @maxItems 1000
   */
  events: TimelineEntry[];
}
/**
 * An emergency was raised, for lists. The alert is `emergency:nearby`.
 */
export interface TimelineEmergencyCreated {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * An emergency was raised, for lists. The alert is `emergency:nearby`.
   */
  data: {
    /**
     * The emergency.
     */
    emergency: Call;
    /**
     * Available helpers within the alert radius when it was raised, connected or not, without the owner.
     */
    nearbyHelperCount: number;
  };
  /**
   * The name of the event.
   */
  event: 'emergency:created';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * An emergency in `emergency:created`, `emergency:updated` and `emergency:nearby`.
 */
export interface Call {
  /**
   * The same id, in REST answers and messages.
   */
  _id?: string;
  /**
   * The owner is not shown to other users.
   */
  anonymousMode: boolean;
  /**
   * A word of the client for the kind.
   */
  category: string | null;
  /**
   * When the emergency was raised.
   */
  createdAt: string;
  /**
   * What happened.
   */
  description: string | null;
  /**
   * The id.
   */
  id: string;
  /**
   * The place, as precise as the viewer may know it.
   */
  location: Location;
  /**
   * How urgent it is.
   */
  priority: Priority;
  /**
   * From 1 (least) to 10.
   */
  severity: number;
  /**
   * Nothing may make a sound at the owner's side.
   */
  silentMode: boolean;
  /**
   * Where the emergency is in its life.
   */
  status: EmergencyStatus;
  /**
   * The kind of emergency.
   */
  type: EmergencyType;
  /**
   * The owner; `null` where the viewer may not know them.
   */
  user: Person | null;
}
/**
 * A helper accepted.
 */
export interface TimelineHelperJoined {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * A helper accepted.
   */
  data: {
    /**
     * The emergency.
     */
    emergencyId: string;
    /**
     * The helper.
     */
    helper: JoinedHelper;
  };
  /**
   * The name of the event.
   */
  event: 'helper:joined';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * A helper, as participants see them.
 */
export interface JoinedHelper {
  /**
   * The same id, in REST answers and messages.
   */
  _id?: string;
  /**
   * The ratings by owners.
   */
  helperRating: Rating;
  /**
   * The id.
   */
  id: string;
  /**
   * When the helper accepted.
   */
  joinedAt: string;
  /**
   * The name.
   */
  profile: PersonName;
  /**
   * Points for completed responses and good ratings. Starts at 0.
   */
  trustScore: number;
}
/**
 * A responding helper changed their status, or cancelled.
 */
export interface TimelineHelperStatusUpdate {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * A responding helper changed their status, or cancelled.
   */
  data: {
    /**
     * The emergency.
     */
    emergencyId: string;
    /**
     * The helper.
     */
    helperId: string;
    /**
     * What the helper noted.
     */
    notes: string | null;
    /**
     * Whether the helper gave no sign for too long, and does not count as help until the next one; `null` for viewers who take
     * no part.
     */
    stalled: boolean | null;
    /**
     * The new status.
     */
    status: ResponseStatus;
    /**
     * When it changed.
     */
    updatedAt: string;
  };
  /**
   * The name of the event.
   */
  event: 'helper:status_update';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * The helper gave no sign for a while, and is asked whether they still come. Any sign is an answer.
 */
export interface TimelineResponseCheck {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * The helper gave no sign for a while, and is asked whether they still come. Any sign is an answer.
   */
  data: {
    /**
     * Until when to answer; after it the helper does not count as help.
     */
    deadline: string;
    /**
     * The emergency.
     */
    emergencyId: string;
  };
  /**
   * The name of the event.
   */
  event: 'response:check';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * A helper who comes has another task, or another box to bring.
 */
export interface TimelineHelperRoleAssigned {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * A helper who comes has another task, or another box to bring.
   */
  data: {
    /**
     * The emergency.
     */
    emergencyId: string;
    /**
     * The helper.
     */
    helperId: string;
    /**
     * The task before.
     */
    previousRole: TeamRole | null;
    /**
     * Why.
     */
    reason: RoleReason;
    /**
     * The box that the helper brings.
     */
    resource: AssignedResource | null;
    /**
     * The task from now on.
     */
    role: TeamRole;
    /**
     * When.
     */
    timestamp: string;
  };
  /**
   * The name of the event.
   */
  event: 'helper:role_assigned';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * The box that a helper is to bring.
 */
export interface AssignedResource {
  /**
   * How to find it.
   */
  description: string | null;
  /**
   * The id.
   */
  id: string;
  /**
   * What it is.
   */
  kind: ResourceKind;
  /**
   * Where it is.
   */
  location: ResourcePlace;
  /**
   * When it cannot be reached any more; `null` if that is not known, or more than a week ahead.
   */
  openUntil: string | null;
}
/**
 * The place of a resource.
 */
export interface ResourcePlace {
  /**
   * The postal address.
   */
  address: string | null;
  /**
   * Degrees north (WGS 84).
   */
  latitude: number;
  /**
   * Degrees east (WGS 84).
   */
  longitude: number;
}
/**
 * This helper need not come: others are there, or are there sooner. They may come all the same.
 */
export interface TimelineHelperStandDown {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * This helper need not come: others are there, or are there sooner. They may come all the same.
   */
  data: {
    /**
     * The emergency.
     */
    emergencyId: string;
    /**
     * The helper.
     */
    helperId: string;
    /**
     * Why.
     */
    reason: StandDownReason;
    /**
     * When.
     */
    timestamp: string;
  };
  /**
   * The name of the event.
   */
  event: 'helper:stand_down';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * The first helper accepted, or no response counts as help any more.
 */
export interface TimelineEmergencyStatusChanged {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * The first helper accepted, or no response counts as help any more.
   */
  data: {
    /**
     * The same once more, as the existing web client reads it.
     */
    emergency: EmergencyStatusChange;
    /**
     * The emergency.
     */
    emergencyId: string;
    /**
     * The new status.
     */
    status: EmergencyStatus;
    /**
     * When it changed.
     */
    timestamp: string;
  };
  /**
   * The name of the event.
   */
  event: 'emergency:status_changed';
  /**
   * The number of the event.
   */
  eventId: number;
}
export interface EmergencyStatusChange {
  /**
   * The emergency.
   */
  id: string;
  /**
   * The new status.
   */
  status: EmergencyStatus;
  /**
   * When it changed.
   */
  updatedAt: string;
}
/**
 * The emergency was resolved.
 */
export interface TimelineEmergencyResolved {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * The emergency was resolved.
   */
  data: {
    /**
     * The emergency.
     */
    emergencyId: string;
    /**
     * What was noted at the end.
     */
    resolutionNotes: string | null;
    /**
     * How it ended.
     */
    resolutionType: ResolutionType;
    /**
     * When it was resolved.
     */
    resolvedAt: string;
    /**
     * The user that resolved it; `null` where the viewer may not know, or if the service did.
     */
    resolvedBy: string | null;
    /**
     * When it was resolved.
     */
    timestamp: string;
  };
  /**
   * The name of the event.
   */
  event: 'emergency:resolved';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * The owner cancelled the emergency.
 */
export interface TimelineEmergencyCancelled {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * The owner cancelled the emergency.
   */
  data: {
    /**
     * The emergency.
     */
    emergencyId: string;
    /**
     * Why.
     */
    reason: string | null;
    /**
     * When it was cancelled.
     */
    timestamp: string;
  };
  /**
   * The name of the event.
   */
  event: 'emergency:cancelled';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * The emergency is over: after `emergency:resolved` and `emergency:cancelled`, which not everybody gets.
 */
export interface TimelineEmergencyEnded {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * The emergency is over: after `emergency:resolved` and `emergency:cancelled`, which not everybody gets.
   */
  data: {
    /**
     * The emergency.
     */
    emergencyId: string;
    /**
     * `resolved` or `cancelled`.
     */
    status: EmergencyStatus;
    /**
     * When it ended.
     */
    timestamp: string;
  };
  /**
   * The name of the event.
   */
  event: 'emergency:ended';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * The end of the emergency was undone: it is live again.
 */
export interface TimelineEmergencyReopened {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * The end of the emergency was undone: it is live again.
   */
  data: {
    /**
     * The emergency.
     */
    emergencyId: string;
    /**
     * `responding` if responses came back, otherwise `active`.
     */
    status: EmergencyStatus;
    /**
     * When it was reopened.
     */
    timestamp: string;
  };
  /**
   * The name of the event.
   */
  event: 'emergency:reopened';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * The owner changed what the emergency is.
 */
export interface TimelineEmergencyUpdated {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * The owner changed what the emergency is.
   */
  data: {
    /**
     * The emergency after the change.
     */
    emergency: Call;
    /**
     * The emergency.
     */
    emergencyId: string;
    /**
     * When it was changed.
     */
    timestamp: string;
  };
  /**
   * The name of the event.
   */
  event: 'emergency:updated';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * The place followed its owner.
 */
export interface TimelineEmergencyMoved {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * The place followed its owner.
   */
  data: {
    /**
     * The emergency.
     */
    emergencyId: string;
    /**
     * Where it is now. It has no address and no description any more.
     */
    location: Location;
    /**
     * When it moved.
     */
    timestamp: string;
  };
  /**
   * The name of the event.
   */
  event: 'emergency:moved';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * No helper has answered, none is left to alert for now, and the last alert is a minute old.
 */
export interface TimelineEmergencyUnanswered {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * No helper has answered, none is left to alert for now, and the last alert is a minute old.
   */
  data: {
    /**
     * Helpers that were alerted.
     */
    alertedHelpers: number;
    /**
     * The emergency.
     */
    emergencyId: string;
    /**
     * When the search found nobody.
     */
    timestamp: string;
  };
  /**
   * The name of the event.
   */
  event: 'emergency:unanswered';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * A message was posted.
 */
export interface TimelineEmergencyMessage {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * A message was posted.
   */
  data: {
    /**
     * The emergency.
     */
    emergencyId: string;
    /**
     * The message, rendered for its recipient.
     */
    message: Message;
  };
  /**
   * The name of the event.
   */
  event: 'emergency:message';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * The sender deleted a message.
 */
export interface TimelineEmergencyMessageDeleted {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * The sender deleted a message.
   */
  data: {
    /**
     * The emergency.
     */
    emergencyId: string;
    /**
     * The message.
     */
    messageId: string;
  };
  /**
   * The name of the event.
   */
  event: 'emergency:message:deleted';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * What has become of telling an emergency contact.
 */
export interface TimelineContactNotified {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * What has become of telling an emergency contact.
   */
  data: {
    /**
     * The contact.
     */
    contactId: string;
    /**
     * The emergency.
     */
    emergencyId: string;
    /**
     * How far the contact was told.
     */
    state: NoticeState;
    /**
     * When.
     */
    timestamp: string;
  };
  /**
   * The name of the event.
   */
  event: 'contact:notified';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * Helpers were alerted.
 */
export interface TimelineAlertsSent {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * Helpers were alerted.
   */
  data: {
    /**
     * How many were alerted.
     */
    alerted: number;
    /**
     * Those of them who respond; for administrators all. An account without a helper record, which the policy `open` alerts, is in no
     * list of helpers.
     *
     * @maxItems 1000
     */
    helpers: AlertedHelper[];
    /**
     * The best helper who was not alerted, for administrators; `null` if none is left, or if helpers are not chosen by what an
     * alert is worth.
     */
    passed: PassedHelper | null;
    /**
     * The radius that was searched, in metres.
     */
    radius: number;
    /**
     * The number of the search, from 1.
     */
    wave: number;
  };
  /**
   * The name of the event.
   */
  event: 'alerts:sent';
  /**
   * The number of the event.
   */
  eventId: number;
}
export interface AlertedHelper {
  /**
   * Metres from the emergency, for helpers that respond; for administrators of all that were chosen by what an alert is worth. Reckoned
   * between cells of 250 m, and of 200 m around an approximate place, unless the place is shown exactly before accepting: helpers in one
   * cell have the same distance.
   */
  distance: number | null;
  /**
   * The helper.
   */
  id: string;
  /**
   * Why the helper was chosen, for administrators; `null` for one that was rung again, or was not chosen by what an alert is
   * worth.
   */
  why: Why | null;
}
/**
 * What is expected of a helper.
 */
export interface Why {
  /**
   * Seconds until the arrival.
   */
  arrival: number;
  /**
   * Seconds by which the alert shortens the expected time without help.
   */
  gain: number;
  /**
   * Probability that the helper comes.
   */
  probability: number;
  /**
   * `gain` if the alert is worth its price, `minimum` if too few helpers were asked; `null` for one who was not alerted.
   */
  reason: Reason | null;
}
/**
 * A helper who was not alerted.
 */
export interface PassedHelper {
  /**
   * Metres from the emergency.
   */
  distance: number;
  /**
   * The helper.
   */
  id: string;
  /**
   * What an alert to them would be worth.
   */
  why: Why;
}
/**
 * A device of a helper has confirmed the alert.
 */
export interface TimelineAlertsAcknowledged {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * A device of a helper has confirmed the alert.
   */
  data: {
    /**
     * The helper; `null` for one that does not respond. For administrators always the helper.
     */
    helperId: string | null;
  };
  /**
   * The name of the event.
   */
  event: 'alerts:acknowledged';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * A helper has seen the alert.
 */
export interface TimelineAlertsSeen {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * A helper has seen the alert.
   */
  data: {
    /**
     * The helper; `null` for one that does not respond. For administrators always the helper.
     */
    helperId: string | null;
  };
  /**
   * The name of the event.
   */
  event: 'alerts:seen';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * A helper declined.
 */
export interface TimelineAlertsDeclined {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * A helper declined.
   */
  data: {
    /**
     * How many have declined so far.
     */
    count: number;
  };
  /**
   * The name of the event.
   */
  event: 'alerts:declined';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * Alerts were sent by another way than sockets. For administrators.
 */
export interface TimelineAlertsPushed {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * Alerts were sent by another way than sockets. For administrators.
   */
  data: {
    /**
     * The way.
     */
    channel: SendChannel;
    /**
     * Helpers whose alert none took.
     *
     * @maxItems 1000
     */
    failed: string[];
    /**
     * Helpers whose alert a push service or gateway took.
     *
     * @maxItems 1000
     */
    sent: string[];
    /**
     * The step of the escalation, from 0.
     */
    step: number;
  };
  /**
   * The name of the event.
   */
  event: 'alerts:pushed';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * The owner asked for more help.
 */
export interface TimelineAlertsRenewed {
  /**
   * The user that caused it; `null` where the viewer may not know, or if the service did.
   */
  actor: string | null;
  /**
   * When it happened.
   */
  at: string;
  /**
   * The owner asked for more help.
   */
  data: {};
  /**
   * The name of the event.
   */
  event: 'alerts:renewed';
  /**
   * The number of the event.
   */
  eventId: number;
}
/**
 * A page of helpers.
 */
export interface HelperList {
  /**
   * The page.
   *
   * @maxItems 100
   */
  helpers: ListedHelper[];
  /**
   * The cursor of the next page; `null` on the last one.
   */
  nextCursor: string | null;
}
/**
 * An account with the number of reports about it, for administrators.
 */
export interface ListedHelper {
  /**
   * The same id, in REST answers and messages.
   */
  _id?: string;
  /**
   * When the account was registered.
   */
  createdAt: string;
  /**
   * The email address, in lower case.
   */
  email: string;
  /**
   * The helper record; `null` for an account that never asked to help.
   */
  helper: HelperRecord | null;
  /**
   * The id.
   */
  id: string;
  /**
   * False if an administrator blocked the account.
   */
  isActive: boolean;
  /**
   * Name, phone number and language.
   */
  profile: Profile;
  /**
   * The number of reports about the account.
   */
  reports: number;
  /**
   * What the account may do.
   */
  role: Role;
}
/**
 * The helper record of the caller.
 */
export interface HelperData {
  /**
   * The record.
   */
  helper: HelperRecord;
}
/**
 * Changes of the helper record. A missing field stays as it is; of the alert preferences, `null` clears.
 */
export interface HelperChange {
  /**
   * The duty switch: whether the helper wants to be alerted. True for a new helper.
   */
  available?: boolean | null;
  /**
   * Which alerts come through in quiet hours, pauses and beyond the limit.
   */
  breakthrough?: Breakthrough | null;
  /**
   * How many different owners may alert in 24 hours.
   */
  maxAlertsPerDay?: number | null;
  /**
   * Other channels, for an alert that no device confirms.
   */
  notify?: NotifyChange | null;
  /**
   * When a pause ends: at most 30 days ahead.
   */
  pausedUntil?: string | null;
  /**
   * Weekly windows without alerts. They need `timeZone`, now or from before.
   *
   * @maxItems 7
   */
  quiet?: NewQuietWindow[] | null;
  /**
   * What the helper can do.
   *
   * @maxItems 20
   */
  skills?: string[] | null;
  /**
   * The time zone of the windows.
   */
  timeZone?: string | null;
  /**
   * How the helper usually travels to an emergency. On foot for a new helper.
   */
  transport?: Transport | null;
}
/**
 * Other channels. A missing one stays as it is.
 */
export interface NotifyChange {
  /**
   * Email.
   */
  email?: boolean | null;
  /**
   * SMS or a call, to the phone number of the profile.
   */
  sms?: boolean | null;
}
/**
 * A weekly window on the clock. One that ends at an earlier time than it begins ends the next day.
 */
export interface NewQuietWindow {
  /**
   * The days on which it begins, from 1 (Monday) to 7 (Sunday).
   *
   * @minItems 1
   * @maxItems 7
   */
  days: number[];
  /**
   * When it begins.
   */
  from: string;
  /**
   * When it ends. Not equal to `from`.
   */
  to: string;
}
/**
 * Where a helper is.
 */
export interface PositionReport {
  /**
   * When the device took it. Orders the positions of one session.
   */
  at?: string | null;
  /**
   * Degrees north (WGS 84).
   */
  latitude: number;
  /**
   * Degrees east (WGS 84).
   */
  longitude: number;
}
/**
 * The payload of `location:updated`, and the answer to a position over REST.
 */
export interface LocationUpdatedPayload {
  /**
   * Degrees north (WGS 84).
   */
  latitude: number;
  /**
   * Degrees east (WGS 84).
   */
  longitude: number;
  /**
   * A sentence for people.
   */
  message: string;
  /**
   * Whether it is the user's last position now, and no newer one.
   */
  stored: boolean;
}
/**
 * Whether alerts can reach the caller, and if not, why.
 */
export interface HelperReadiness {
  /**
   * What stands in the way of alerts.
   *
   * @maxItems 10
   */
  problems: ReadinessProblem[];
  /**
   * True without problems.
   */
  ready: boolean;
}
/**
 * The helpers of the whole service.
 */
export interface HelperPresence {
  /**
   * Those of them who are connected.
   */
  connected: number;
  /**
   * Those of them with a position that is recent enough for an alert.
   */
  fresh: number;
  /**
   * Helpers on duty.
   */
  onDuty: number;
}
/**
 * The block of an account by an administrator.
 */
export interface AccountBlock {
  /**
   * Whether the account is blocked.
   */
  blocked: boolean;
  /**
   * Why, for other administrators.
   */
  reason?: string | null;
}
/**
 * An administrator's decision about a helper.
 */
export interface VerificationChange {
  /**
   * The skills that were checked. Missing: as before.
   *
   * @maxItems 20
   */
  skills?: CheckedSkill[] | null;
  /**
   * `verified` or `rejected`.
   */
  status: VerificationDecision;
  /**
   * How far the account was checked. Missing: as before; a verified helper without one becomes `registered`.
   */
  tier?: Tier | null;
}
/**
 * A skill that was checked.
 */
export interface CheckedSkill {
  /**
   * Its name.
   */
  name: string;
  /**
   * When it expires. Missing: it does not.
   */
  until?: string | null;
}
/**
 * The key under which browsers subscribe.
 */
export interface PushKey {
  /**
   * A point of P-256, uncompressed, in base64url without padding.
   */
  publicKey: string;
}
/**
 * Resources around a place.
 */
export interface Resources {
  /**
   * Their number.
   */
  count: number;
  /**
   * Nearest first.
   *
   * @maxItems 500
   */
  resources: NearResource[];
}
/**
 * A resource with its distance.
 */
export interface NearResource {
  /**
   * Who may take it.
   */
  access: ResourceAccess;
  /**
   * When it was last known to be there.
   */
  checkedAt: string | null;
  /**
   * How to find it.
   */
  description: string | null;
  /**
   * Metres from the place that was asked for.
   */
  distance: number;
  /**
   * The id.
   */
  id: string;
  /**
   * Whether it is inside of a building.
   */
  indoor: boolean | null;
  /**
   * What it is.
   */
  kind: ResourceKind;
  /**
   * The floor.
   */
  level: string | null;
  /**
   * Where it is.
   */
  location: ResourcePlace;
  /**
   * Whether it can be reached now; `null` where the hours are missing or cannot be read.
   */
  open: boolean | null;
  /**
   * When it can be reached, in the syntax of OpenStreetMap.
   */
  openingHours: string | null;
  /**
   * A telephone number of the place.
   */
  phone: string | null;
  /**
   * Where it is known from.
   */
  source: ResourceSource;
  /**
   * Whether it is there.
   */
  status: ResourceStatus;
}
/**
 * A resource that is added.
 */
export interface NewResource {
  /**
   * Who may take it. `unknown` if missing.
   */
  access?: ResourceAccess | null;
  /**
   * How to find it.
   */
  description?: string | null;
  /**
   * Whether it is inside of a building.
   */
  indoor?: boolean | null;
  /**
   * What it is.
   */
  kind: ResourceKind;
  /**
   * The floor.
   */
  level?: string | null;
  /**
   * Where it is.
   */
  location: NewResourcePlace;
  /**
   * When it can be reached, in the syntax of OpenStreetMap.
   */
  openingHours?: string | null;
  /**
   * A telephone number of the place.
   */
  phone?: string | null;
}
/**
 * The place of a resource.
 */
export interface NewResourcePlace {
  /**
   * The postal address.
   */
  address?: string | null;
  /**
   * Degrees north (WGS 84).
   */
  latitude: number;
  /**
   * Degrees east (WGS 84).
   */
  longitude: number;
}
/**
 * A resource.
 */
export interface ResourceData {
  /**
   * The resource.
   */
  resource: Resource;
}
/**
 * A box with a defibrillator, or another thing that helps.
 */
export interface Resource {
  /**
   * Who may take it.
   */
  access: ResourceAccess;
  /**
   * When it was last known to be there.
   */
  checkedAt: string | null;
  /**
   * How to find it.
   */
  description: string | null;
  /**
   * The id.
   */
  id: string;
  /**
   * Whether it is inside of a building.
   */
  indoor: boolean | null;
  /**
   * What it is.
   */
  kind: ResourceKind;
  /**
   * The floor.
   */
  level: string | null;
  /**
   * Where it is.
   */
  location: ResourcePlace;
  /**
   * Whether it can be reached now; `null` where the hours are missing or cannot be read.
   */
  open: boolean | null;
  /**
   * When it can be reached, in the syntax of OpenStreetMap.
   */
  openingHours: string | null;
  /**
   * A telephone number of the place.
   */
  phone: string | null;
  /**
   * Where it is known from.
   */
  source: ResourceSource;
  /**
   * Whether it is there.
   */
  status: ResourceStatus;
}
/**
 * A deleted resource.
 */
export interface ResourceDeleted {
  /**
   * Always true.
   */
  deleted: boolean;
  /**
   * Its id.
   */
  resourceId: string;
}
/**
 * A change of a resource.
 */
export interface ResourceChange {
  /**
   * Who may take it.
   */
  access?: ResourceAccess | null;
  /**
   * How to find it.
   */
  description?: string | null;
  /**
   * Whether it is inside of a building.
   */
  indoor?: boolean | null;
  /**
   * What it is.
   */
  kind?: ResourceKind | null;
  /**
   * The floor.
   */
  level?: string | null;
  /**
   * Where it is.
   */
  location?: NewResourcePlace | null;
  /**
   * When it can be reached, in the syntax of OpenStreetMap.
   */
  openingHours?: string | null;
  /**
   * A telephone number of the place.
   */
  phone?: string | null;
}
/**
 * What somebody saw of a resource.
 */
export interface NewResourceReport {
  /**
   * What else is to be known.
   */
  note?: string | null;
  /**
   * What became of it.
   */
  state: ReportedState;
}
export interface ServerEvents {
  'contact:notified': ContactNotifiedPayload;
  'device:lost': DeviceLostPayload;
  'dispatcher:joined': DispatcherJoinedPayload;
  'dispatcher:left': DispatcherLeftPayload;
  'emergency:alerts': EmergencyAlertsPayload;
  'emergency:cancelled': EmergencyCancelledPayload;
  'emergency:created': EmergencyCreatedPayload;
  'emergency:details': EmergencyDetailsPayload;
  'emergency:ended': EmergencyEndedPayload;
  'emergency:joined': EmergencyJoinedPayload;
  'emergency:left': EmergencyLeftPayload;
  'emergency:location': EmergencyLocationPayload;
  'emergency:message': EmergencyMessagePayload;
  'emergency:message:deleted': EmergencyMessageDeletedPayload;
  'emergency:moved': EmergencyMovedPayload;
  'emergency:nearby': EmergencyNearbyPayload;
  'emergency:reopened': EmergencyReopenedPayload;
  'emergency:resolved': EmergencyResolvedPayload;
  'emergency:status_changed': EmergencyStatusChangedPayload;
  'emergency:unanswered': EmergencyUnansweredPayload;
  'emergency:updated': EmergencyUpdatedPayload;
  error: ErrorPayload;
  'helper:joined': HelperJoinedPayload;
  'helper:location': HelperLocationPayload;
  'helper:role_assigned': HelperRoleAssignedPayload;
  'helper:stand_down': HelperStandDownPayload;
  'helper:status_update': HelperStatusUpdatePayload;
  'location:updated': LocationUpdatedPayload;
  'presence:update': PresenceUpdatePayload;
  'response:check': ResponseCheckPayload;
  'session:ready': SessionReadyPayload;
  'session:resync': SessionResyncPayload;
}
export interface ContactNotifiedPayload {
  /**
   * The contact.
   */
  contactId: string;
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
  /**
   * How far the contact was told.
   */
  state: NoticeState;
  /**
   * When.
   */
  timestamp: string;
}
export interface DeviceLostPayload {
  /**
   * The device.
   */
  deviceId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
  /**
   * What its user called it.
   */
  name: string | null;
  /**
   * Why it was removed.
   */
  reason: DeviceLoss;
  /**
   * When.
   */
  timestamp: string;
}
/**
 * The payload of `dispatcher:joined`.
 */
export interface DispatcherJoinedPayload {
  /**
   * Every event after this one follows; what was missed before it is replayed now.
   */
  latestEventId: number;
}
/**
 * The payload of `dispatcher:left`.
 */
export interface DispatcherLeftPayload {}
/**
 * The payload of `emergency:alerts`: how many helpers were alerted, for the owner and dispatchers.
 */
export interface EmergencyAlertsPayload {
  /**
   * The same as `delivered`.
   */
  acknowledged: number;
  /**
   * Helpers that were alerted.
   */
  alerted: number;
  /**
   * Alerts that were declined.
   */
  declined: number;
  /**
   * Alerts that a device confirmed.
   */
  delivered: number;
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Alerts that no push service took.
   */
  failed: number;
  /**
   * Skills that the kind of emergency requires, and that were not required because too few helpers have them.
   *
   * @maxItems 20
   */
  relaxed: string[];
  /**
   * Alerts that a person saw.
   */
  seen: number;
  /**
   * Alerts that a device or a push service took.
   */
  sent: number;
  /**
   * Helpers that were passed over.
   */
  skipped: Skipped;
  /**
   * When it was counted.
   */
  timestamp: string;
  /**
   * The number of the last search, from 1.
   */
  wave: number;
}
export interface EmergencyCancelledPayload {
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
  /**
   * Why.
   */
  reason: string | null;
  /**
   * When it was cancelled.
   */
  timestamp: string;
}
export interface EmergencyCreatedPayload {
  /**
   * The emergency.
   */
  emergency: Call;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
  /**
   * Available helpers within the alert radius when it was raised, connected or not, without the owner.
   */
  nearbyHelperCount: number;
}
export interface EmergencyDetailsPayload {
  /**
   * The emergency as in REST answers. `distance` is `null`.
   */
  emergency: Emergency;
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
}
export interface EmergencyEndedPayload {
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
  /**
   * `resolved` or `cancelled`.
   */
  status: EmergencyStatus;
  /**
   * When it ended.
   */
  timestamp: string;
}
/**
 * The payload of `emergency:joined`.
 */
export interface EmergencyJoinedPayload {
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * A sentence for people.
   */
  message: string;
  /**
   * The name of the room.
   */
  room: string;
}
/**
 * The payload of `emergency:left`.
 */
export interface EmergencyLeftPayload {
  /**
   * The emergency; for one that does not exist, the id that the client sent.
   */
  emergencyId: string;
  /**
   * The name of the room.
   */
  room: string;
}
/**
 * The payload of `emergency:location`: where the owner of an emergency is whose place follows them, for the participants.
 */
export interface EmergencyLocationPayload {
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Where the owner is.
   */
  location: Location;
  /**
   * Metres from the stored place.
   */
  movedBy: number;
  /**
   * When the position arrived.
   */
  updatedAt: string;
}
export interface EmergencyMessagePayload {
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
  /**
   * The message, rendered for its recipient.
   */
  message: Message;
}
export interface EmergencyMessageDeletedPayload {
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
  /**
   * The message.
   */
  messageId: string;
}
export interface EmergencyMovedPayload {
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
  /**
   * Where it is now. It has no address and no description any more.
   */
  location: Location;
  /**
   * When it moved.
   */
  timestamp: string;
}
export interface EmergencyNearbyPayload {
  /**
   * Metres from the helper's last position, coarser where the place is approximate.
   */
  distance: number | null;
  /**
   * The emergency.
   */
  emergency: Call;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
}
export interface EmergencyReopenedPayload {
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
  /**
   * `responding` if responses came back, otherwise `active`.
   */
  status: EmergencyStatus;
  /**
   * When it was reopened.
   */
  timestamp: string;
}
export interface EmergencyResolvedPayload {
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
  /**
   * What was noted at the end.
   */
  resolutionNotes: string | null;
  /**
   * How it ended.
   */
  resolutionType: ResolutionType;
  /**
   * When it was resolved.
   */
  resolvedAt: string;
  /**
   * The user that resolved it; `null` where the viewer may not know, or if the service did.
   */
  resolvedBy: string | null;
  /**
   * When it was resolved.
   */
  timestamp: string;
}
export interface EmergencyStatusChangedPayload {
  /**
   * The same once more, as the existing web client reads it.
   */
  emergency: EmergencyStatusChange;
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
  /**
   * The new status.
   */
  status: EmergencyStatus;
  /**
   * When it changed.
   */
  timestamp: string;
}
export interface EmergencyUnansweredPayload {
  /**
   * Helpers that were alerted.
   */
  alertedHelpers: number;
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
  /**
   * When the search found nobody.
   */
  timestamp: string;
}
export interface EmergencyUpdatedPayload {
  /**
   * The emergency after the change.
   */
  emergency: Call;
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
  /**
   * When it was changed.
   */
  timestamp: string;
}
/**
 * The payload of `error`: a failure, and the event that failed. The event is `null` if the connection is about to be closed.
 */
export interface ErrorPayload {
  /**
   * A constant in snake case that programs can rely on.
   */
  code: FailureCode;
  /**
   * The client event that was refused; `null` if the failure is about the connection.
   */
  event: string | null;
  /**
   * A sentence for people, which may change.
   */
  message: string;
  /**
   * When to try again; present if a limit was reached.
   */
  retryAfterMs?: RetryAfter | null;
}
export interface HelperJoinedPayload {
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
  /**
   * The helper.
   */
  helper: JoinedHelper;
}
/**
 * The payload of `helper:location`: the position of a helper on their way, for the participants.
 */
export interface HelperLocationPayload {
  /**
   * Within 50 m.
   */
  arrived: boolean;
  /**
   * Metres to the emergency.
   */
  distance: number;
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * When the helper is expected; `null` if that is more than a day ahead.
   */
  estimatedArrival: string | null;
  /**
   * The helper.
   */
  helperId: string;
  /**
   * Where the helper is.
   */
  location: Position;
  /**
   * When the position arrived.
   */
  updatedAt: string;
}
/**
 * A place on Earth (WGS 84).
 */
export interface Position {
  /**
   * Degrees north.
   */
  latitude: number;
  /**
   * Degrees east.
   */
  longitude: number;
}
export interface HelperRoleAssignedPayload {
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
  /**
   * The helper.
   */
  helperId: string;
  /**
   * The task before.
   */
  previousRole: TeamRole | null;
  /**
   * Why.
   */
  reason: RoleReason;
  /**
   * The box that the helper brings.
   */
  resource: AssignedResource | null;
  /**
   * The task from now on.
   */
  role: TeamRole;
  /**
   * When.
   */
  timestamp: string;
}
export interface HelperStandDownPayload {
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
  /**
   * The helper.
   */
  helperId: string;
  /**
   * Why.
   */
  reason: StandDownReason;
  /**
   * When.
   */
  timestamp: string;
}
export interface HelperStatusUpdatePayload {
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
  /**
   * The helper.
   */
  helperId: string;
  /**
   * What the helper noted.
   */
  notes: string | null;
  /**
   * Whether the helper gave no sign for too long, and does not count as help until the next one; `null` for viewers who take
   * no part.
   */
  stalled: boolean | null;
  /**
   * The new status.
   */
  status: ResponseStatus;
  /**
   * When it changed.
   */
  updatedAt: string;
}
/**
 * The payload of `presence:update`: a participant came online or went offline.
 */
export interface PresenceUpdatePayload {
  /**
   * When the user was connected last.
   */
  lastSeenAt: string | null;
  /**
   * Whether the user has a connection to any node.
   */
  online: boolean;
  /**
   * The user.
   */
  userId: string;
}
export interface ResponseCheckPayload {
  /**
   * Until when to answer; after it the helper does not count as help.
   */
  deadline: string;
  /**
   * The emergency.
   */
  emergencyId: string;
  /**
   * Grows over time across the whole service.
   */
  eventId: number;
}
/**
 * The payload of `session:ready`.
 */
export interface SessionReadyPayload {
  /**
   * Every event after this one is delivered on this connection.
   */
  latestEventId: number;
  /**
   * The rooms that the connection is in.
   *
   * @maxItems 1000
   */
  rooms: string[];
  /**
   * The clock of the service.
   */
  serverTime: string;
  /**
   * The user of the token.
   */
  userId: string;
}
/**
 * The payload of `session:resync`: the client has to read the state again; events after `latestEventId` follow live.
 */
export interface SessionResyncPayload {
  /**
   * Events after this one follow live.
   */
  latestEventId: number;
  /**
   * Why missed events cannot be replayed.
   */
  reason: ResyncReason;
}
export interface ClientEvents {
  'alert:seen': {
    payload: AlertSeenPayload;
    answer: {};
  };
  'dispatcher:join': {
    payload: DispatcherJoinPayload;
    answer: DispatcherJoinedPayload;
  };
  'dispatcher:leave': {
    payload: DispatcherLeavePayload;
    answer: DispatcherLeftPayload;
  };
  'emergency:join': {
    payload: EmergencyJoinPayload;
    answer: EmergencyJoinedPayload;
  };
  'emergency:leave': {
    payload: EmergencyLeavePayload;
    answer: EmergencyLeftPayload;
  };
  'location:update': {
    payload: PositionReport;
    answer: LocationUpdatedPayload;
  };
}
/**
 * The payload of `alert:seen`: the alert was shown to a person.
 */
export interface AlertSeenPayload {
  /**
   * The emergency.
   */
  emergencyId: string;
}
/**
 * The payload of `dispatcher:join`, which may be missing.
 */
export interface DispatcherJoinPayload {
  /**
   * The last event that the client has handled: what it missed is replayed.
   */
  lastEventId?: number | null;
}
/**
 * The payload of `dispatcher:leave`, which may be missing.
 */
export interface DispatcherLeavePayload {}
/**
 * The payload of `emergency:join`.
 */
export interface EmergencyJoinPayload {
  /**
   * The id of the emergency, or `current` for the one in progress.
   */
  emergencyId: string;
  /**
   * The last event of this emergency that the client has handled: what it missed is replayed.
   */
  lastEventId?: number | null;
}
/**
 * The payload of `emergency:leave`.
 */
export interface EmergencyLeavePayload {
  /**
   * The id of the emergency, or `current` for the one in progress.
   */
  emergencyId: string;
}
