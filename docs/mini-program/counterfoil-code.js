/*
 * The text of a Counterfoil code, for mini-programs and web pages. No dependencies; plain ES5.
 *
 *   var counterfoil = require('./counterfoil-code.js')        // or <script>: window.CounterfoilCode
 *   var card = counterfoil.receive(answer, Date.now())         // what POST …/card answered, once
 *   counterfoil.text(card, Date.now())                         // what to draw now, as a QR code
 *   counterfoil.waitMs(card, Date.now())                       // draw again after so many milliseconds
 *   counterfoil.wantsFresh(card, Date.now())                   // true: fetch a new card as soon as there is a network
 *
 * A fixed code needs none of this: its text is in the answer that issued it.
 */
(function (root) {
  'use strict'

  /* ---- SHA-256 (FIPS 180-4) of an array of bytes. A mini-program's base library has none. ---- */

  var K = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
  ]

  function turn(word, by) {
    return (word >>> by) | (word << (32 - by))
  }

  function sha256(bytes) {
    var padded = bytes.slice()
    var bits = bytes.length * 8
    padded.push(0x80)
    while (padded.length % 64 !== 56) padded.push(0)
    padded.push(0, 0, 0, 0, (bits >>> 24) & 255, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255)
    var h = [
      0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
    ]
    var w = []
    for (var block = 0; block < padded.length; block += 64) {
      for (var i = 0; i < 64; i++) {
        if (i < 16) {
          var at = block + 4 * i
          w[i] = (padded[at] << 24) | (padded[at + 1] << 16) | (padded[at + 2] << 8) | padded[at + 3]
        } else {
          var s0 = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ (w[i - 15] >>> 3)
          var s1 = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ (w[i - 2] >>> 10)
          w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0
        }
      }
      var a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], last = h[7]
      for (i = 0; i < 64; i++) {
        var e1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)
        var t1 = (last + e1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0
        var e0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)
        var t2 = (e0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
        last = g
        g = f
        f = e
        e = (d + t1) | 0
        d = c
        c = b
        b = a
        a = (t1 + t2) | 0
      }
      var worked = [a, b, c, d, e, f, g, last]
      for (i = 0; i < 8; i++) h[i] = (h[i] + worked[i]) | 0
    }
    var digest = []
    for (i = 0; i < 8; i++) digest = digest.concat(bigEndian(h[i], 4))
    return digest
  }

  /* ---- Texts and bytes ---- */

  function bigEndian(number, length) {
    var bytes = []
    for (var i = length - 1; i >= 0; i--) bytes.push((number >>> (8 * i)) & 255)
    return bytes
  }

  var BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

  function fromBase64(text) {
    var bytes = []
    var bits = 0
    var held = 0
    for (var i = 0; i < text.length && text.charAt(i) !== '='; i++) {
      held = (held << 6) | BASE64.indexOf(text.charAt(i))
      bits += 6
      if (bits >= 8) {
        bits -= 8
        bytes.push((held >>> bits) & 255)
        held &= (1 << bits) - 1
      }
    }
    return bytes
  }

  /* RFC 9285: what QR codes hold most densely. */
  var BASE45 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:'

  function toBase45(bytes) {
    var text = ''
    for (var i = 0; i < bytes.length; i += 2) {
      var pair = i + 1 < bytes.length
      var value = pair ? bytes[i] * 256 + bytes[i + 1] : bytes[i]
      for (var letters = pair ? 3 : 2; letters > 0; letters--) {
        text += BASE45.charAt(value % 45)
        value = Math.floor(value / 45)
      }
    }
    return text
  }

  var TAG = [67, 70, 49, 32, 99, 104, 97, 105, 110] /* "CF1 chain" */

  /* h(step - 1) of h(step): the link before it. */
  function before(card, step, link) {
    var named = TAG.concat(bigEndian(card.campaign, 2), bigEndian(card.number, 4), bigEndian(step, 4), link)
    return sha256(named).slice(0, 16)
  }

  /* Every so many steps a link is kept, so that the next picture costs little. */
  var KEEP_EVERY = 128

  function linkOf(card, step) {
    if (!card.kept) {
      card.kept = {}
      var link = card.seed
      card.kept[card.steps] = link
      for (var at = card.steps; at > 1; at--) {
        link = before(card, at, link)
        if ((at - 1) % KEEP_EVERY === 0) card.kept[at - 1] = link
      }
    }
    var from = step
    while (!card.kept[from]) from++
    var found = card.kept[from]
    for (; from > step; from--) found = before(card, from, found)
    return found
  }

  /* ---- What a page calls ---- */

  /* Reads the answer of POST …/card. Pass the moment at which it came, so that a phone whose clock is wrong shows the
     right code all the same. The card is plain data: keep it in storage, and it works without a network. */
  function receive(answer, nowMs) {
    return {
      campaign: answer.serial.campaign,
      number: answer.serial.number,
      codeTail: answer.code_tail, // to be shown below the code
      issuedAt: answer.issued_at,
      expiresAt: answer.expires_at,
      stepMs: answer.step_seconds * 1000,
      steps: answer.steps,
      seed: fromBase64(answer.seed),
      head: fromBase64(answer.head),
      tail: fromBase64(answer.tail),
      prefix: answer.prefix,
      sentinel: answer.sentinel,
      aheadMs: answer.now - nowMs,
      kept: null
    }
  }

  /* Which step it is: 1 and more; more than `steps` when the card is over. */
  function stepOf(card, nowMs) {
    var step = Math.floor((nowMs + card.aheadMs - card.issuedAt) / card.stepMs) + 1
    return step < 1 ? 1 : step
  }

  /* The text to draw now; null when the card is over and a fresh one must be fetched. */
  function text(card, nowMs) {
    var step = stepOf(card, nowMs)
    if (step > card.steps) return null
    var token = card.head.concat(bigEndian(step, 2), linkOf(card, step), card.tail)
    return card.prefix + toBase45(token) + card.sentinel
  }

  /* In how many milliseconds the text changes. */
  function waitMs(card, nowMs) {
    var into = (nowMs + card.aheadMs - card.issuedAt) % card.stepMs
    return card.stepMs - (into < 0 ? into + card.stepMs : into)
  }

  /* Whether less than half of its time is left. */
  function wantsFresh(card, nowMs) {
    return nowMs + card.aheadMs > (card.issuedAt + card.expiresAt) / 2
  }

  var api = { receive: receive, stepOf: stepOf, text: text, waitMs: waitMs, wantsFresh: wantsFresh, sha256: sha256 }
  if (typeof module !== 'undefined' && module.exports) module.exports = api
  else root.CounterfoilCode = api
})(typeof globalThis !== 'undefined' ? globalThis : this)
