// Failures and their answers.

export class Failure extends Error {
  constructor(code, reason, message, details = null) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
}

export const notFound = () => new Failure(404, 'emergency_not_found', 'Emergency not found');
export const notAuthorized = () => new Failure(403, 'not_authorized', 'Not authorized');
