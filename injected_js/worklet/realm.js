// The realm as scripts see it: everything goes that its kind of script does not have. Runs last, after the file that says
// what is to stay (OWN_NAMES), and what the prototypes are called (nameScopes).
//
// The global object keeps its prototypes, which the browser made immutable:
//
//     global > DedicatedWorkerGlobalScope > WorkerGlobalScope > EventTarget > Object
//
// The first two are emptied and given the names that stand there, the third is emptied and passed over by whatever
// tells prototypes. Two constants of the first cannot be deleted; they are hidden under undefined.

const objectPrototype = ObjectConstructor.prototype;
const passedOver = prototypeOf(baseScopePrototype);
const { ownKeys } = Reflect;

/**
 * Deletes the own properties of `object`, but those named.
 *
 * @param {object} object
 * @param {Set<PropertyKey>} kept
 */
const strip = (object, kept) => {
  for (const key of ownKeys(object)) if (!kept.has(key)) deleteProperty(object, key);
};

for (const prototype of [scopePrototype, baseScopePrototype, passedOver]) strip(prototype, new Set());
nameScopes();
strip(global, new Set(OWN_NAMES.split(" ")));

// What is left of the browser's own, and the functions that would tell of it.

/** Constants of the emptied prototype. @type {Set<PropertyKey>} */
const leftOver = new Set(ownKeys(scopePrototype).filter((key) => typeof key === "string" && key !== "constructor"));
const isLeftOver = bind(uncurryThis(Set.prototype.has), undefined, leftOver);
leftOver.forEach((key) => defineHidden(global, key, undefined));

/** @type {(object: any, key: PropertyKey) => boolean} */
const isHidden = (object, key) => {
  if (object === scopePrototype) return isLeftOver(key);
  if (object !== global || !isLeftOver(key)) return false;
  const descriptor = getOwnPropertyDescriptor(global, key);
  return descriptor !== undefined && descriptor.value === undefined && !descriptor.enumerable;
};

/**
 * @param {any} object
 * @param {PropertyKey[]} keys an array of the browser's making
 */
const shownKeys = (object, keys) => {
  if (object !== scopePrototype && object !== global) return keys;
  let shown = 0;
  for (let i = 0; i < keys.length; i++) if (!isHidden(object, keys[i])) keys[shown++] = keys[i];
  keys.length = shown;
  return keys;
};

/** @type {(prototype: object | null) => object | null} */
const shownPrototype = (prototype) => (prototype === passedOver ? objectPrototype : prototype);

for (const holder of [ObjectConstructor, Reflect]) {
  replaceMethod(holder, "getPrototypeOf", (native) => (receiver, args) => shownPrototype(apply(native, receiver, args)));
  replaceMethod(holder, "getOwnPropertyDescriptor", (native) => (receiver, args) => {
    const descriptor = apply(native, receiver, args);
    return isHidden(args[0], args[1]) ? undefined : descriptor;
  });
}
/** @type {(native: Function) => (receiver: any, args: ArrayLike<any>) => any} */
const tellingShownKeys = (native) => (receiver, args) => shownKeys(args[0], apply(native, receiver, args));
replaceMethod(ObjectConstructor, "getOwnPropertyNames", tellingShownKeys);
replaceMethod(ObjectConstructor, "keys", tellingShownKeys);
replaceMethod(Reflect, "ownKeys", tellingShownKeys);
replaceMethod(ObjectConstructor, "getOwnPropertyDescriptors", (native) => (receiver, args) => {
  const descriptors = apply(native, receiver, args);
  const keys = ownKeys(descriptors);
  for (let i = 0; i < keys.length; i++) if (isHidden(args[0], keys[i])) deleteProperty(descriptors, keys[i]);
  return descriptors;
});
for (const name of ["entries", "values"]) {
  replaceMethod(ObjectConstructor, name, (native) => (receiver, args) => {
    if (args[0] !== scopePrototype) return apply(native, receiver, args);
    const shown = createObject(null);
    const keys = shownKeys(scopePrototype, ownKeys(scopePrototype));
    for (let i = 0; i < keys.length; i++) {
      const descriptor = bare(getOwnPropertyDescriptor(scopePrototype, keys[i]));
      if (descriptor !== undefined) defineProperty(shown, keys[i], descriptor);
    }
    return apply(native, receiver, [shown]);
  });
}
replaceMethod(ObjectConstructor, "hasOwn", (native) => (receiver, args) => {
  const has = apply(native, receiver, args);
  return has && !isHidden(args[0], args[1]);
});
for (const name of ["hasOwnProperty", "propertyIsEnumerable"]) {
  replaceMethod(objectPrototype, name, (native) => (receiver, args) => {
    const has = apply(native, receiver, args);
    return has && !isHidden(receiver, args[0]);
  });
}

const { get: nativeProto, ...protoAttributes } = /** @type {any} */ (getOwnPropertyDescriptor(objectPrototype, "__proto__"));
const protoGetter = nativeGetter("__proto__", (_, receiver) => shownPrototype(apply(nativeProto, receiver, [])));
defineProperty(objectPrototype, "__proto__", bare({ ...protoAttributes, get: protoGetter }));

tellHost("ready", bare({}));
