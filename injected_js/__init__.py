"""What pages see: plain ES scripts, loaded as package data and put together by ``agent.browser.page_script``.

Read primordials.js, then webidl.js and native_look.js, then attribution.js and private_attribution.js.
"""
