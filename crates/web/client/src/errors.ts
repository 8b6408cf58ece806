/**
 * The errors of this package. Each has a `reason`: a constant that a program can rely on, either one of the service
 * (its page `/docs/errors`) or one that is named here.
 */

/** A field of a request that the service refused. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

/** The base of all errors of this package. */
export class AllyError extends Error {
  /** A constant, such as `active_emergency_exists` or `network`. */
  readonly reason: string;

  constructor(reason: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.reason = reason;
  }
}

/**
 * The service did not answer: `network` (no connection), `timeout` (no answer in time), `not_allynet` (something else
 * answered, such as the page of a hotspot), `offline` (the socket is not connected).
 */
export class NetworkError extends AllyError {
  declare readonly reason: 'network' | 'timeout' | 'not_allynet' | 'offline';
}

/** The app called this off: `cancelled`. */
export class CancelledError extends AllyError {
  constructor(message = 'The app cancelled this') {
    super('cancelled', message);
  }
}

/** The client was closed. A call for help that was under way is kept, and goes on at the next start: `closed`. */
export class ClosedError extends CancelledError {
  override readonly reason: string = 'closed';

  constructor() {
    super('The client was closed');
  }
}

/** A call for help was not sent for so long that the person has to say again whether it is to be sent: `expired`. */
export class ExpiredError extends AllyError {
  constructor() {
    super('expired', 'The call for help is too old to be sent by itself');
  }
}

/** There are no tokens: log in first. `not_signed_in`. */
export class NotSignedInError extends AllyError {
  constructor() {
    super('not_signed_in', 'Log in first');
  }
}

/** The fields of a failed answer. */
export interface Failure {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  readonly details: readonly FieldProblem[];
  /** `x-request-id`, by which an operator finds the request in the log. */
  readonly requestId: string | null;
  /** How long to wait before trying again, if the service said so. */
  readonly retryAfterMs: number | null;
}

/** The service answered with a failure. */
export class ApiError extends AllyError implements Failure {
  readonly status: number;
  readonly details: readonly FieldProblem[];
  readonly requestId: string | null;
  readonly retryAfterMs: number | null;

  constructor(failure: Failure) {
    super(failure.reason, failure.message);
    this.status = failure.status;
    this.details = failure.details;
    this.requestId = failure.requestId;
    this.retryAfterMs = failure.retryAfterMs;
  }

  /** The message about this field, or `null`. */
  field(name: string): string | null {
    return this.details.find(({ field }) => field === name)?.message ?? null;
  }
}

/** 400, 413, 415: the request is wrong. `details` names each field. */
export class InputError extends ApiError {}
/** 401: wrong password, or a session that is over. */
export class AuthenticationError extends ApiError {}
/** 403 `account_blocked`: an administrator blocked the account. */
export class AccountBlockedError extends ApiError {}
/** Any other 403: the caller may not do this. */
export class PermissionError extends ApiError {}
/** 404: there is no such thing, or none that the caller may know of. */
export class NotFoundError extends ApiError {}
/** 409: it contradicts the present state. */
export class ConflictError extends ApiError {
  /** The emergency that stands in the way (`active_emergency_exists`, `request_id_used`), or `null`. */
  get emergencyId(): string | null {
    return this.field('emergencyId');
  }
}
/** 429: too often. `retryAfterMs` says when to try again. */
export class RateLimitError extends ApiError {}
/** 408, 5xx: the service cannot do this now. */
export class ServiceError extends ApiError {}

/** The service refused an event of the socket; `reason` is its code: `/docs/errors` of the service. */
export class SocketError extends AllyError {
  /** The refused event, or `null` if the error is about the connection. */
  readonly event: string | null;
  readonly retryAfterMs: number | null;

  constructor(reason: string, message: string, event: string | null, retryAfterMs: number | null = null) {
    super(reason, message);
    this.event = event;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The error of a failed answer, of the class that belongs to its status. */
export function apiError(failure: Failure): ApiError {
  return new (classOf(failure))(failure);
}

function classOf({ status, reason }: Failure): typeof ApiError {
  switch (status) {
    case 401:
      return AuthenticationError;
    case 403:
      return reason === 'account_blocked' ? AccountBlockedError : PermissionError;
    case 404:
      return NotFoundError;
    case 409:
      return ConflictError;
    case 429:
      return RateLimitError;
    case 408:
      return ServiceError;
    default:
      return status >= 500 ? ServiceError : InputError;
  }
}
