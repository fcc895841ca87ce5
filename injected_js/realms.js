// Platform objects of pages, which realms that can reach one another share.

/**
 * The state of another realm's platform object. Platform objects are event targets underneath; each listens for an
 * event whose type no page knows, and answers through the function that the event carries.
 *
 * @param {object} object
 * @returns {State | undefined}
 */
const foreignStateOf = (object) => {
  let found;
  const detail = (/** @type {any} */ state) => {
    found = state;
  };
  try {
    dispatchTo(object, new CustomEventConstructor(config.realmEvent, bare({ detail })));
  } catch {
    return undefined; // no event target, so none of ours
  }
  return found;
};

/**
 * Answers other realms that knock at `target`.
 *
 * @param {EventTarget} target
 * @param {any} state
 */
const answerKnocks = (target, state) => {
  addEventListenerTo(target, config.realmEvent, (/** @type {Event} */ event) => detailOf(event)(state));
};

/**
 * A platform object that implements the interface.
 *
 * @param {Function} interfaceObject
 * @param {State} state
 */
const platformObject = (interfaceObject, state) => {
  const object = construct(EventTargetConstructor, [], interfaceObject);
  weakSet(states, object, state);
  answerKnocks(object, state);
  return object;
};
