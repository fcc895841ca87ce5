// Stands in for Shared Storage: remembers what the page asked for, and selects the second URL.
{
  const calls = [];
  const noted = (method) => async (...args) => void calls.push([method, ...args]);
  const selectURL = async (...args) => (calls.push(["selectURL", ...args]), args[1][1].url);
  const storage = { append: noted("append"), worklet: { addModule: noted("addModule") }, run: noted("run"), selectURL };
  Object.defineProperty(globalThis, "sharedStorage", { configurable: true, value: storage });
  Object.defineProperty(globalThis, "storageCalls", { value: calls });
}
