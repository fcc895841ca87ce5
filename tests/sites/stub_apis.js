// Stands in for the agent: remembers what the page asked for and answers with bytes that look sealed.
{
  const calls = [];
  const sealed = (size) => Uint8Array.from({ length: size }, (_, index) => (index * 73 + size) % 256);
  const define = (name, value) => Object.defineProperty(Navigator.prototype, name, { configurable: true, value });
  define("attribution", {
    saveImpression: async (options) => (calls.push({ api: "attribution", method: "saveImpression", options }), {}),
    measureConversion: async (options) => (
      calls.push({ api: "attribution", method: "measureConversion", options }), { report: sealed(312) }
    ),
  });
  define("privateAttribution", {
    saveImpression: (options) => void calls.push({ api: "privateAttribution", method: "saveImpression", options }),
    measureConversion: async (options) => (
      calls.push({ api: "privateAttribution", method: "measureConversion", options }), sealed(304)
    ),
  });
  Object.defineProperty(globalThis, "stubCalls", { value: calls });
}
