// A model of who may know what: users, emergencies and the texts and places that are planted in them. It knows the rules of
// the contract about disclosure and none of those about states, which it copies from what administrators read.

const LIVE = ['active', 'responding'];

/** Pseudo-random numbers from a seed (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (count) => Math.floor(next() * count);
  return { next, below, pick: (list) => list[below(list.length)], chance: (share) => next() < share };
}

/** One planted text: where it occurs, and which viewers may receive it. */
class Secret {
  constructor(what, text, isFor, call) {
    Object.assign(this, { what, text, isFor, call });
  }
}

export class Model {
  users = new Map();
  emergencies = new Map();
  secrets = [];
  /** Pairs `blocker blocked`. */
  blocks = new Set();
  #serial = 0;

  /** `isExact` says whether helpers are shown exact places before they accept. */
  constructor(rng, isExact) {
    Object.assign(this, { rng, isExact });
  }

  /** A text that occurs nowhere else. */
  word(what) {
    this.#serial += 1;
    return `${what}q${this.#serial.toString(36)}x${this.rng.below(1e9).toString(36)}q`;
  }

  /** A place within some 3 km of another, whose digits occur nowhere else. */
  near({ latitude, longitude }) {
    const moved = (degrees) => Number((degrees + 0.04 * (this.rng.next() - 0.5)).toFixed(5) + (1 + this.rng.below(9)));
    return { latitude: moved(latitude), longitude: moved(longitude) };
  }

  plant(what, text, isFor, call) {
    const secret = new Secret(what, String(text), isFor, call);
    // What is sent in a step is entitled to by the state before that step, too.
    secret.first = new Set([...this.users.values()].filter(isFor));
    this.secrets.push(secret);
    return text;
  }

  /** What the model knows of the emergency that a secret belongs to, for a failure message. */
  describe({ call }) {
    const name = (id) => this.users.get(id)?.name ?? id;
    const blocks = [...this.blocks].map((pair) => pair.split(' ').map(name).join(' blocks '));
    const responses = call && [...call.responses].map(([id, status]) => `${name(id)} ${status}`);
    const state = call && { id: call.id, owner: call.owner.name, anonymous: call.anonymous, status: call.status, responses, alerted: [...call.alerted].map(name), declined: [...call.declined].map(name) };
    const mayHelp = [...this.users.values()].filter((user) => user.mayHelp).map((user) => user.name);
    return JSON.stringify({ ...state, blocks, mayHelp });
  }

  // ------------------------------------------------------------------------------------------ users

  /** The name, address and phone number of a user to be registered. */
  person(name) {
    const firstName = this.word(`First${name}`);
    const person = { firstName, lastName: this.word(`Last${name}`), email: `${this.word(name).toLowerCase()}@people.example`, phone: `+1${1e12 + this.rng.below(9e12)}` };
    const isSelfOrAdmin = (viewer) => this.#is(viewer, person.id) || viewer.isAdmin;
    this.plant(`email of ${name}`, person.email, isSelfOrAdmin);
    this.plant(`phone of ${name}`, person.phone.slice(1), isSelfOrAdmin);
    this.plant(`first name of ${name}`, firstName, (viewer) => isSelfOrAdmin(viewer) || this.#knowsOf(viewer, person.id, 'alerted'));
    this.plant(`last name of ${name}`, person.lastName, (viewer) => isSelfOrAdmin(viewer) || this.#knowsOf(viewer, person.id, 'participant'));
    return person;
  }

  addUser(name, person, caller, { mayHelp, isAdmin = false }) {
    person.id = caller.id;
    const user = { id: caller.id, name, caller, mayHelp, isAdmin, ids: new Set([caller.id]) };
    this.users.set(user.id, user);
    const isFor = (viewer) => viewer.isAdmin || viewer.ids.has(user.id) || this.#knowsOf(viewer, user.id, 'participant');
    this.plant(`id of ${name}`, user.id, isFor);
    return user;
  }

  /** A new position of a helper. */
  stand(user, position) {
    for (const degrees of [position.latitude, position.longitude]) {
      this.plant(`position of ${user.name}`, digits(degrees), (viewer) => this.#is(viewer, user.id) || this.#follows(viewer, user.id));
    }
  }

  #is(viewer, userId) {
    return viewer.id === userId;
  }

  #isBlockBetween(a, b) {
    return this.blocks.has(`${a} ${b}`) || this.blocks.has(`${b} ${a}`);
  }

  // ------------------------------------------------------------------------------------- emergencies

  /** Input of a new emergency of this user. */
  call(owner, near) {
    const place = this.near(near);
    const anonymousMode = this.rng.chance(0.35);
    const call = { owner, anonymous: anonymousMode, status: 'active', responses: new Map(), alerted: new Set(), declined: new Set(), place };
    const atLeast = (stage) => (viewer) => this.#stageIn(viewer, call, stage);
    for (const degrees of [place.latitude, place.longitude]) this.plant(`place of a call of ${owner.name}`, digits(degrees), atLeast('participant'), call);
    const location = {
      ...place,
      address: this.plant('address', this.word('Address'), atLeast('participant'), call),
      description: this.plant('directions', this.word('Directions'), atLeast('participant'), call),
    };
    const described = { description: this.word('Description'), category: this.word('Category') };
    for (const [what, text] of Object.entries(described)) this.plant(what, text, atLeast('alerted'), call);
    return { call, body: { location, anonymousMode, ...described } };
  }

  addEmergency(id, call) {
    this.emergencies.set(id, Object.assign(call, { id }));
  }

  /** A note, reason or comment that a user sends about an emergency. */
  note(author, call) {
    return this.plant(`note of ${author.name}`, this.word('Note'), (viewer) => viewer === author || this.#stageIn(viewer, call, 'participant'), call);
  }

  /** A reason or comment that nobody but administrators reads. */
  complaint(author) {
    return this.plant(`complaint of ${author.name}`, this.word('Complaint'), (viewer) => viewer === author || viewer.isAdmin);
  }

  /** A message to one user or, without a recipient, to all participants. It is replayed to those who took part when it was sent. */
  message(author, call, recipient) {
    const wereParticipants = new Set([...this.users.values()].filter((user) => this.#isParticipant(user, call)));
    return this.plant(`message of ${author.name}`, this.word('Message'), (viewer) => {
      if (viewer === author) return true;
      // Administrators read what is for all in the timeline, and nothing that is for one.
      if (recipient === null && viewer.isAdmin) return true;
      if (recipient !== null && viewer !== recipient) return false;
      const isReplayed = wereParticipants.has(viewer) && call.status !== 'deleted' && viewer.mayHelp && !this.#isSeparated(viewer, call);
      return isReplayed || this.#isParticipant(viewer, call);
    }, call);
  }

  /** Takes over the state of an emergency from what an administrator reads; `undefined` if there is none any more. */
  update(call, read) {
    if (!read) {
      call.status = 'deleted';
      return;
    }
    call.status = read.status;
    call.responses = new Map(read.respondingHelpers.map(({ helper, status }) => [helper.id, status]));
  }

  // ----------------------------------------------------------------------------------------- rules

  isLive(call) {
    return LIVE.includes(call.status);
  }

  #isSeparated(viewer, call) {
    if (call.anonymous) return this.blocks.has(`${call.owner.id} ${viewer.id}`);
    return this.#isBlockBetween(viewer.id, call.owner.id);
  }

  #isParticipant(viewer, call) {
    if (call.status === 'deleted') return false;
    if (viewer === call.owner) return true;
    if (!viewer.mayHelp) return false;
    const status = call.responses.get(viewer.id);
    return status !== undefined && status !== 'cancelled' && !this.#isSeparated(viewer, call);
  }

  #isLookerOn(viewer, call) {
    return this.isLive(call) && viewer.mayHelp && !this.#isSeparated(viewer, call);
  }

  /** Whether what is shown in this stage, but not to lookers-on of an approximate emergency, is shown to the viewer. */
  #stageIn(viewer, call, stage) {
    if (viewer.isAdmin || this.#isParticipant(viewer, call)) return true;
    // Alerts and broadcasts are replayed after the end, too, unless the emergency was deleted.
    if (call.status === 'deleted' || !viewer.mayHelp || this.#isSeparated(viewer, call)) return false;
    if (this.isExact && !call.anonymous) return true;
    return stage === 'alerted' && call.alerted.has(viewer.id) && !call.declined.has(viewer.id);
  }

  /** Whether some emergency shows this user to the viewer: as its owner in this stage, or as a helper who responded. */
  #knowsOf(viewer, userId, stage) {
    return [...this.emergencies.values()].some((call) => {
      if (call.owner.id === userId) return !call.anonymous && this.#stageIn(viewer, call, stage);
      return call.responses.has(userId) && (this.#isParticipant(viewer, call) || this.#isLookerOn(viewer, call));
    });
  }

  /** Whether a helper responds to a live emergency in which the viewer takes part. */
  #follows(viewer, helperId) {
    return [...this.emergencies.values()].some((call) => {
      const responds = this.isLive(call) && call.responses.has(helperId) && call.responses.get(helperId) !== 'cancelled';
      return responds && (viewer.isAdmin || (this.#isParticipant(viewer, call) && !this.#isBlockBetween(viewer.id, helperId)));
    });
  }

  /** Notes which users are entitled to each secret before a step. */
  beginStep() {
    for (const secret of this.secrets) secret.first = new Set([...this.users.values()].filter(secret.isFor));
  }

  /** Whether a user may have received the secret in this step, by the state before it or after it. */
  mayHaveReceived(user, secret) {
    return secret.first.has(user) || secret.isFor(user);
  }
}

/** The digits of a coordinate without its sign. */
const digits = (degrees) => String(Math.abs(degrees));
