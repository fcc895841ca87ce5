// What the global object of a shared storage worklet has besides the language (Shared Storage, section 8).

const globalScopeInterface = "SharedStorageWorkletGlobalScope";
const navigatorInterface = "SharedStorageWorkletNavigator";

/** The object that is `navigator`. Its properties are in Chromium's order. */
const exposeNavigator = () => {
  const prototype = {};
  const interfaceObject = nativeInterfaceObject(navigatorInterface, illegalConstructor(navigatorInterface));
  const locks = exposeLockManager();
  defineHidden(prototype, "constructor", interfaceObject);
  defineAttribute(prototype, "locks", nativeGetter("locks", attribute(navigatorInterface, () => locks)));
  exposeInterface(navigatorInterface, interfaceObject, prototype);
  return platformObject(interfaceObject, stateWith(navigatorInterface));
};

/**
 * @param {string} name
 * @param {() => unknown} read
 */
const defineOfGlobal = (name, read) => {
  defineAttribute(global, name, nativeGetter(name, ofGlobal(attribute(globalScopeInterface, read))));
};

/**
 * An object that is out of reach while the module script runs.
 *
 * @param {string} name
 * @param {object} object
 */
const defineOnceModuleHasRun = (name, object) => {
  defineOfGlobal(name, () => {
    if (moduleHasRun()) return object;
    const context = `Failed to read the '${name}' property from '${globalScopeInterface}': `;
    return failWith("NotAllowedError", `${context}${name} cannot be accessed during addModule().`);
  });
};

/** @type {(state: State, args: ArrayLike<any>) => void} */
const registerOperation = (_, args) => {
  const name = toDOMString(args[0]);
  if (typeof args[1] !== "function") fail("parameter 2 is not of type 'Function'.");
  register(name, args[1]);
};

const exposeGlobalScope = () => {
  weakSet(states, global, stateWith(globalScopeInterface));
  exposeSharedStorageMethods();
  defineOnceModuleHasRun("sharedStorage", exposeSharedStorage());
  defineOnceModuleHasRun("privateAggregation", exposePrivateAggregation());
  const navigatorObject = exposeNavigator();
  defineOfGlobal("navigator", () => navigatorObject);
  const registerSteps = ofGlobal(operation(globalScopeInterface, "register", 2, registerOperation));
  defineOperation(global, "register", nativeMethod("register", 2, registerSteps));
  const noGroups = () => new PromiseConstructor((resolve) => resolve([]));
  const interestGroupsSteps = ofGlobal(promiseOperation(globalScopeInterface, "interestGroups", noGroups, 0));
  defineOperation(global, "interestGroups", nativeMethod("interestGroups", 0, interestGroupsSteps));
};

exposeGlobalScope();
