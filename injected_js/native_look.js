// Functions that look native in every realm, because V8 itself says so: it keeps the distance from the first token of
// a function to its parameters in 16 bits, and where that does not suffice Function.prototype.toString answers
// `function name() { [native code] }` (V8, JSFunction::ToString). Each comment FAR is widened to 64 KiB when the
// scripts are put together. Methods and getters cannot be constructed, as native operations cannot.
//
// These 64 KiB cost each navigation about half a millisecond. So they are for the functions by which pages tell native
// interfaces from scripts; of the others, Proxies of functions, V8 says `function () { [native code] }` in every realm.

/**
 * What a function of an interface does. `callee` is that function.
 *
 * @typedef {(callee: Function, receiver: any, args: ArrayLike<any>) => any} Steps
 */

/** @param {Steps} steps */
const nativeSaveImpression = (steps) => {
  const { saveImpression } = {
    saveImpression /*FAR*/ (options) {
      return steps(saveImpression, this, arguments);
    },
  };
  return saveImpression;
};

/** @param {Steps} steps */
const nativeMeasureConversion = (steps) => {
  const { measureConversion } = {
    measureConversion /*FAR*/ (options) {
      return steps(measureConversion, this, arguments);
    },
  };
  return measureConversion;
};

/** @param {Steps} steps */
const nativeFetchLook = (steps) => {
  const { fetch } = {
    fetch /*FAR*/ (input) {
      return steps(fetch, this, arguments);
    },
  };
  return fetch;
};

/** @param {Steps} steps */
const nativeSetAttribute = (steps) => {
  const { setAttribute } = {
    setAttribute /*FAR*/ (name, value) {
      return steps(setAttribute, this, arguments);
    },
  };
  return setAttribute;
};

/** @param {Steps} steps */
const nativeSetAttributionReporting = (steps) => {
  const { setAttributionReporting } = {
    setAttributionReporting /*FAR*/ (options) {
      return steps(setAttributionReporting, this, arguments);
    },
  };
  return setAttributionReporting;
};

/** @param {Steps} steps */
const nativeSetAttributionSrc = (steps) => {
  /** @type {any} */
  const setter = getOwnPropertyDescriptor(
    {
      set attributionSrc /*FAR*/ (value) {
        steps(setter, this, arguments);
      },
    },
    "attributionSrc",
  )?.set;
  return setter;
};

/** @param {Steps} steps */
const nativeGetAggregationServices = (steps) =>
  getterOf("aggregationServices", (self) => ({
    get aggregationServices /*FAR*/ () {
      return steps(self(), this, arguments);
    },
  }));

/**
 * The getter in the object literal that `make` gives; `self` lets the getter name itself.
 *
 * @param {string} name
 * @param {(self: () => Function) => object} make
 * @returns {Function}
 */
const getterOf = (name, make) => {
  /** @type {any} */
  const getter = getOwnPropertyDescriptor(make(() => getter), name)?.get;
  return getter;
};

/**
 * A method whose `toString` lacks the name.
 *
 * @param {string} name
 * @param {number} length
 * @param {Steps} steps
 */
const nativeMethod = (name, length, steps) => {
  const { [name]: method } = {
    [name]() {
      return steps(method, this, arguments);
    },
  };
  defineProperty(method, "length", bare({ value: length }));
  return new ProxyConstructor(method, bare({}));
};

/**
 * A getter whose `toString` lacks the name.
 *
 * @param {string} name
 * @param {Steps} steps
 */
const nativeGetter = (name, steps) => {
  const getter = getterOf(name, (self) => ({
    get [name]() {
      return steps(self(), this, arguments);
    },
  }));
  return new ProxyConstructor(getter, bare({}));
};

/**
 * A setter whose `toString` lacks the name.
 *
 * @param {string} name
 * @param {Steps} steps
 */
const nativeSetter = (name, steps) => {
  /** @type {any} */
  const setter = getOwnPropertyDescriptor(
    {
      set [name](value) {
        steps(setter, this, arguments);
      },
    },
    name,
  )?.set;
  return new ProxyConstructor(setter, bare({}));
};

/**
 * An interface object with a constructor; its `toString` lacks the name. The steps get `new.target` as their receiver.
 *
 * @param {string} name
 * @param {number} length
 * @param {Steps} steps
 */
const nativeConstructor = (name, length, steps) => {
  const { [name]: interfaceObject } = {
    [name]: function () {
      return steps(interfaceObject, new.target, arguments);
    },
  };
  defineProperty(interfaceObject, "length", bare({ value: length }));
  return new ProxyConstructor(interfaceObject, bare({}));
};

/**
 * An interface object whose `toString` lacks the name. The steps get `new.target` as their receiver.
 *
 * @param {string} name
 * @param {Steps} steps
 */
const nativeInterfaceObject = (name, steps) => {
  const { [name]: interfaceObject } = {
    [name]: function () {
      return steps(interfaceObject, new.target, []);
    },
  };
  return new ProxyConstructor(interfaceObject, bare({}));
};
