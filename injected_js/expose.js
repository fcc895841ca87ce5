// Last: what this document gets to see. Without a secure context, nothing.

hookRequests();
hookFeaturePolicy();
if (inSecureContext) {
  hookElements();
  hookWritableElements();
  hookMarkup();
  hookParser();
  hookLinks();
  hookWindowOpen();
  if (config.dialects.current) exposeAttribution();
  if (config.dialects.level1_2024) exposePrivateAttribution();
  exposeSharedStorage();
  exposeFencedFrames();
  exposeProtectedAudience();
  hookFence();
  attributesOfNavigator.replaceOwnDocument = replaceOwnDocument;
  openToOtherRealms();
}
