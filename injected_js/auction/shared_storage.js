// `sharedStorage` while a function of an auction's script runs: it writes to the script's origin, and can read nothing
// (protected-audience, "Script globals").

/** UTF-16 code units of a key or a value. */
const maxStringLength = 2_621_440;

/** The policy is checked where something is written. */
const checkCaller = () => undefined;

/**
 * @param {ModifierMethod[]} methods
 * @param {string | null} lock
 * @param {boolean} batch
 */
const keepWrite = (methods, lock, batch) => {
  const entries = bareArray();
  for (let i = 0; i < methods.length; i++) {
    const { op, key, value, ignoreIfPresent } = methods[i];
    entries[i] = bare({ op, key, value, ignoreIfPresent });
  }
  keep(record.writes, bare({ methods: entries, lock, batch }));
};

/** @param {boolean} isAllowed by the permissions policy */
const newSharedStorage = (isAllowed) => {
  const checkAllowed = () => {
    if (!isAllowed) fail('The "shared-storage" Permissions Policy denied the method on sharedStorage');
  };
  /** @type {(name: string, required: number, toMethod: (args: ArrayLike<any>) => ModifierMethod) => (args: ArrayLike<any>) => void} */
  const writing = (name, required, toMethod) => (args) => {
    checkAllowed();
    checkCount(args, required, `sharedStorage.${name}`);
    const method = toMethod(args);
    const { key, value, lock } = method;
    if (key !== undefined && !isValidKey(key)) fail(`Invalid 'key' argument in sharedStorage.${name}()`);
    if (value !== undefined && value.length > maxStringLength) {
      fail(`Invalid 'value' argument in sharedStorage.${name}()`);
    }
    checkLock(lock);
    const methods = bareArray();
    methods[0] = method;
    keepWrite(methods, lock, false);
  };
  return scriptObject({
    set: writing("set", 2, toSetMethod),
    append: writing("append", 2, toAppendMethod),
    delete: writing("delete", 1, toDeleteMethod),
    clear: writing("clear", 0, toClearMethod),
    batchUpdate(args) {
      checkAllowed();
      checkCount(args, 1, "sharedStorage.batchUpdate");
      const batch = toBatchUpdate(args);
      checkBatch(batch);
      keepWrite(batch.methods, batch.lock, true);
    },
  });
};

/** The classes of methods for a batch; their common one has no name in these realms. */
const exposeMethodClasses = () => {
  exposeSharedStorageMethods();
  deleteProperty(global, modifierMethodInterface);
};
