/**
 * What the page asks of whoever recognises. Another implementation takes the place of the one below; nothing else of
 * the page knows which it is.
 *
 * @typedef {Object} About
 * @property {"sensors"|"replay"} source  whether the page gives samples, or is given those of a recording
 * @property {?string} name               of that recording
 * @property {string[]} labels            to begin with
 * @property {?string} placement          likewise
 * @property {string[]} suggestions       other labels that somebody may mean
 * @property {string[]} placements        likewise
 *
 * @typedef {Object} Naming               what is named; told after every change
 * @property {string[]} labels
 * @property {Object<string, string>} colors  of labels, "unknown" and "not worn": #rrggbb
 * @property {?string} placement
 * @property {string[]} taught            labels that somebody taught
 *
 * @typedef {Object} Answer
 * @property {number} time_s              end of the window, on the clock of the samples
 * @property {string} name                a label, "unknown" or "not worn"
 * @property {?number} confidence         0 to 1
 * @property {boolean} oriented           false: too little movement yet to know how the device lies
 * @property {string[]} labels
 * @property {(?number)[]} probabilities  one a label
 * @property {number} behind_s            seconds of samples that wait to be looked at
 *
 * @typedef {Object} Recogniser
 * @property {function(): Promise<About>} about
 * @property {function(?string[], ?string, {channels: string[], gravity: "included"|"removed"}): Promise} start
 * @property {function(number[], Float32Array[]): void} add   times in s, and a row of channels (g, rad/s) for each
 * @property {function(string[]): Promise} setLabels  rejected with a sentence, as those below
 * @property {function(?string): Promise} setPlacement
 * @property {function(string, number, number): Promise} teach  label, from and to, on the clock of the samples
 * @property {function(): Promise<Blob>} taught               what was taught, as a file
 * @property {function(function(Naming)): void} onNaming
 * @property {function(function(Answer)): void} onAnswer
 * @property {function(function(number[], Float32Array[])): void} onSamples  of a recording that is played
 * @property {function(function({state: "connecting"|"ready"|"connected"|"lost"|"ended", reason: string})): void} onState
 * @property {function(function(string[])): void} onNotes     all sentences that hold now
 * @property {function(function(?string)): void} onUnusable  why the samples cannot be named; null once they can
 * @property {function(function()): void} onEnded            the recording that is played has ended
 * @property {function(): void} retry                         now, rather than after a while
 * @property {function(): void} close
 * @property {Object<string, string>} [states]               what the page calls a state, where that is another name
 */

export { SocketRecogniser as Recogniser } from "./socket.js";
