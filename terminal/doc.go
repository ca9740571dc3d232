// Package terminal keeps shells: sessions that outlive the browser, the viewers of each, replay, roles and recording.
//
// It knows a [Stream] (bytes, a window size, an exit code), what a terminal needs to be shown again, and the browser
// protocol below. It refuses to know about labs, containers, hosts, HTTP routes, users' rights and databases: the caller
// has decided who may see which node before it calls [Manager.Open], [Manager.Attach] or [ServeWebsocket].
//
// # How it works
//
// A [Session] owns one Stream. One goroutine reads it into a ring (256 KiB by default), one writes queued input. The ring
// is the only queue for output: every viewer is a cursor in it, so memory does not grow with the number of viewers or with
// the amount of output, and no viewer can block another. What leaves the ring is parsed, so the session always knows the
// terminal's modes at the oldest byte that it still has. A late joiner gets those modes first ("restore") and then the
// bytes from there, always from a boundary: never from inside an escape sequence or a UTF-8 character. There is no copy of the
// screen: when a full-screen program has been drawing for longer than the ring remembers, a late joiner makes it draw
// again, by a window size that changes for a moment.
//
// A session without viewers lives on for the grace time (10 minutes) and then ends with that reason. An ended session can
// still be attached for a minute, so that a page that reloads just then is told why the shell is gone.
//
// # Browser protocol
//
// One websocket is one viewer of one session. The address and the rights are the web layer's.
//
// Server to browser, binary messages: bytes of the terminal, at most 32 KiB each, to be written to the terminal as they are
// (a UTF-8 character or an escape sequence may be split over two messages: write bytes, not strings).
//
// Server to browser, text messages: JSON objects with a type. Ignore types and fields that you do not know.
//
//	{"type":"ready","session":"id","role":"control","cols":80,"rows":24,"offset":0,"replay":512,"restore":"\u001bc…","resumed":false,"window":131072}
//	{"type":"resync","offset":70000,"replay":262144,"restore":"\u001bc…"}
//	{"type":"size","cols":80,"rows":24}
//	{"type":"viewers","viewers":[{"name":"ana","role":"control","active":true,"you":true}]}
//	{"type":"exit","code":0,"cause":"exit","reason":"The shell ended."}
//
// ready is always the first message. Keep session (sessionStorage) and give it back when the page connects again.
//
// restore is text for the terminal. Write it (when not empty) before the binary bytes that follow; it resets the terminal
// and sets the modes: alternate screen, bracketed paste, mouse, cursor, colours, margins, title. It is not counted in ack
// and offset. It is empty for the first viewer ever and for a resumed one.
//
// offset is the number, in the whole life of the session, of the next binary byte. A browser that counts on from there can
// say so when it connects again without a reload (for example ?from=OFFSET; the web layer hands it to [ResumeFrom]): when the
// ring still has that byte, ready says resumed:true and the stream goes on where it stopped, with nothing to reset.
//
// replay is the number of the following binary bytes that are old. Ring no bell and set no clipboard during those. Answers
// of the terminal to queries in them (cursor position, device attributes, colours) are filtered on the server: send all that
// the terminal gives you.
//
// resync comes instead of bytes that this viewer was too slow to take: the ring had moved on. Treat it like ready: write
// restore, take offset.
//
// size is the size of the terminal, whenever it changes. It follows the active viewer: the one with role control that typed
// last (with the first one active until somebody else types; when the active one leaves, the one active before it). So a viewer whose own window is
// different shows the terminal in the size it was told; its own size counts as soon as somebody types there.
//
// viewers is the list of those who look on, whenever it changes.
//
// exit is the last message before the close: no code means that it is not known. cause is one of exit (the shell ended), lost
// (the link to the host, or the host, is gone), idle (nobody was connected, or nothing happened, for too long), closed
// (somebody ended it: the tab was closed, the node stopped, the lab destroyed, the rights ended; reason says which) and shutdown (the
// controller stops). reason is a sentence to show.
//
// Browser to server, binary messages: input, at most 64 KiB each (split a long paste). Ignored from role watch.
//
// Browser to server, text messages:
//
//	{"type":"resize","cols":80,"rows":24}   own size: first thing after ready, and whenever it changes; 1 to 1000 each
//	{"type":"ack","bytes":4096}             so many more binary bytes have been parsed by the terminal
//	{"type":"close"}                        end the shell (the person closed the tab on purpose); role control only
//
// # Flow control
//
// ack is required. The server has at most window bytes in flight to one viewer; the rest waits in the ring, and when no
// viewer takes more, the session stops reading, so that the program blocks on its terminal as it would on a real one. That is
// why Ctrl-C acts at once during yes: little is ahead of it, and input does not share a queue with output. Acknowledge each
// binary message from the callback of the terminal's write:
//
//	term.write(bytes, () => ws.send(JSON.stringify({type: "ack", bytes: bytes.length})))
//
// Acks may be joined, if everything parsed has been acknowledged once the terminal is idle. A page that is hidden should
// acknowledge on receipt (browsers slow down the timers that the terminal's parser needs). A viewer that takes nothing for 2 s no longer
// holds the program back; it is resynchronised when it takes bytes again.
//
// # Closing
//
// The server pings every 15 s. Close codes, each with a reason that a person can read:
//
//	1000  the session ended; exit said why
//	1001  the controller is stopping: connect again in a moment
//	1007  1008  1009  a message was not understood, not allowed or too large
//	4403  this viewer may no longer look on (the session may go on for others)
//	4408  this viewer did not answer in time: connect again with ?from=
//	4429  too many viewers
//
// When the websocket closes without exit and with another code (1006: the network), the session still runs: connect again with
// the session id.
package terminal
