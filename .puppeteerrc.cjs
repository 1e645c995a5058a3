/** Tests find a browser themselves (test/support/browser.ts): nothing is downloaded at install. */
module.exports = { skipDownload: true }
