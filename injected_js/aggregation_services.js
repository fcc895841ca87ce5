// `AttributionAggregationServices`: readonly maplike<USVString, AttributionAggregationService>.
// Each reading gives a dictionary of its own, as conversions from WebIDL do.

/** @param {{ protocol: string }} service */
const aggregationService = ({ protocol }) => ({ protocol });
/** @param {number} index */
const keyAt = (index) => config.services[index].url;
/** @param {number} index */
const valueAt = (index) => aggregationService(config.services[index]);
/** @param {number} index */
const entryAt = (index) => [keyAt(index), valueAt(index)];

/**
 * @param {string} url
 * @returns {number} its index, or -1
 */
const indexOfService = (url) => {
  for (let i = 0; i < config.services.length; i++) {
    if (config.services[i].url === url) return i;
  }
  return -1;
};

const servicesName = "AttributionAggregationServices";
const iteratorName = `${servicesName} Iterator`;
/** @type {WeakMap<object, { index: number, at: (index: number) => any }>} */
const iterators = new WeakMapConstructor();

/** @type {Steps} */
const next = (callee, receiver) => {
  const iterator = isObject(receiver) ? weakGet(iterators, receiver) : undefined;
  if (iterator === undefined) throw exceptionOf(new Failure("Illegal invocation"), "", callee);
  if (iterator.index >= config.services.length) return { done: true, value: undefined };
  return { done: false, value: iterator.at(iterator.index++) };
};

const newIteratorPrototype = () => {
  const prototype = createObject(getPrototypeOf(/** @type {any} */ (new MapConstructor())[iteratorSymbol]()));
  defineOperation(prototype, "next", nativeMethod("next", 0, next));
  defineToStringTag(prototype, iteratorName);
  return prototype;
};

/**
 * @param {object} prototype
 * @param {(index: number) => any} at
 */
const newIterator = (prototype, at) => {
  const iterator = createObject(prototype);
  weakSet(iterators, iterator, bare({ index: 0, at }));
  return iterator;
};

/** @type {(state: State, args: ArrayLike<any>, context: string, receiver: any) => void} */
const forEachService = (_state, args, _context, receiver) => {
  const callback = args[0];
  if (typeof callback !== "function") fail("parameter 1 is not of type 'Function'.");
  const thisArgument = args.length > 1 ? args[1] : undefined;
  for (let i = 0; i < config.services.length; i++) apply(callback, thisArgument, [valueAt(i), keyAt(i), receiver]);
};

/** @returns {object} the one object of this realm */
const newAggregationServices = () => {
  const prototype = {};
  const iteratorPrototype = newIteratorPrototype();
  /**
   * @param {string} name
   * @param {number} required
   * @param {(state: State, args: ArrayLike<any>, context: string, receiver: any) => any} run
   */
  const define = (name, required, run) => {
    const method = nativeMethod(name, required, operation(servicesName, name, required, run));
    defineOperation(prototype, name, method);
    return method;
  };
  defineAttribute(prototype, "size", nativeGetter("size", attribute(servicesName, () => config.services.length)));
  const entries = define("entries", 0, () => newIterator(iteratorPrototype, entryAt));
  define("forEach", 1, forEachService);
  define("get", 1, (_state, args) => {
    const index = indexOfService(toUSVString(args[0]));
    return index < 0 ? undefined : valueAt(index);
  });
  define("has", 1, (_state, args) => indexOfService(toUSVString(args[0])) >= 0);
  define("keys", 0, () => newIterator(iteratorPrototype, keyAt));
  define("values", 0, () => newIterator(iteratorPrototype, valueAt));
  const interfaceObject = nativeInterfaceObject(servicesName, illegalConstructor(servicesName));
  exposeInterface(servicesName, interfaceObject, prototype);
  defineHidden(prototype, iteratorSymbol, entries);
  return platformObject(interfaceObject, newState(servicesName, "", undefined));
};
