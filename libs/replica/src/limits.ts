/** Inputs taken in one turn; the rest waits for the next, so that timers and sockets get theirs. */
export const MAX_INPUTS_PER_TURN = 512;

/** Entries applied in one turn: a replay of a long log must not keep heartbeats waiting. */
export const MAX_APPLIES_PER_TURN = 512;

/** Entry bytes in one persist batch; a single larger persist effect still travels alone. */
export const MAX_PERSIST_BATCH_BYTES = 4 * 1024 * 1024;

/** What an entry is counted as, besides its data. */
export const ENTRY_OVERHEAD_BYTES = 32;

/** Sends that may wait for a persist. More are dropped, as a network would. */
export const MAX_WAITING_SENDS = 65_536;

/** Bytes of one command as given to `propose`. */
export const MAX_COMMAND_BYTES = 1_536 * 1024;

/** Envelope bytes in one `forwardProposals` message; a single larger proposal still travels alone. */
export const MAX_FORWARD_MESSAGE_BYTES = 512 * 1024;

/** Forwarded proposals of one origin that a leader tells apart; older ones are taken for repeats. */
export const SEEN_WINDOW_SEQUENCES = 65_536;

/** Runs of processes (see `ReplicaOptions.incarnation`) whose forwarded proposals one leadership serves. */
export const MAX_INCARNATIONS_PER_TERM = 256;

/** A proposal or leader request waits this many election timeouts (the longest one a follower draws) for a leader. */
export const LEADER_WAIT_ELECTION_TIMEOUTS = 2;

/** Questions to the leader that wait for their answer. */
export const MAX_LEADER_REQUESTS = 4_096;

/** Questions of one leader's peers that are being answered. */
export const MAX_SERVED_LEADER_REQUESTS = 4_096;

/** Calls of `waitForApplied` and reads that wait for the state machine. */
export const MAX_APPLIED_WAITERS = 65_536;

export const RELOAD_BACKOFF_MIN_MS = 20;
export const RELOAD_BACKOFF_MAX_MS = 2_000;

/** How long `stop` waits for a store call that is under way. */
export const STOP_STORE_WAIT_MS = 5_000;

/** Timers are never armed shorter: a deadline that does not move must not become a busy loop. */
export const MIN_TIMER_DELAY_MS = 1;
