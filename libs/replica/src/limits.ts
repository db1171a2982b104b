/** Inputs taken in one turn; the rest waits for the next, so that timers and sockets get theirs. */
export const MAX_INPUTS_PER_TURN = 512;

/** Entries applied in one turn: a replay of a long log must not keep heartbeats waiting. */
export const MAX_APPLIES_PER_TURN = 128;

/** Data of the entries applied in one turn: one that gathers the writes of many clients holds thousands of them. */
export const MAX_APPLIED_BYTES_PER_TURN = 64 * 1024;

/** Entry bytes in one persist batch; a single larger persist effect still travels alone. */
export const MAX_PERSIST_BATCH_BYTES = 1024 * 1024;

/** What an entry is counted as, besides its data. */
export const ENTRY_OVERHEAD_BYTES = 32;

/** Sends that may wait for a persist. More are dropped, as a network would. */
export const MAX_WAITING_SENDS = 65_536;

/** Bytes of one command as given to `propose`. */
export const MAX_COMMAND_BYTES = 1_536 * 1024;

/** How long a proposal lets others go first that nobody waits for; see `ProposeOptions.canWait`. A few commits. */
export const PATIENT_PROPOSAL_MS = 5;

/** Such proposals at one node. More are worth a commit of their own, and each is asked about in each turn. */
export const MAX_PATIENT_PROPOSALS = 32;

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

/** Bytes of encoded rows in one `snapshotChunk`. Larger frames would hold up what else its connection carries. */
export const MAX_SNAPSHOT_CHUNK_BYTES = 256 * 1024;

/** Rows that are read for an outgoing snapshot, and encoded, in one turn; a single larger row still comes alone. */
export const SNAPSHOT_PAGE_BYTES = 64 * 1024;

/** Chunks of one outgoing snapshot that are not acknowledged yet; that many are kept to be sent again. */
export const MAX_SNAPSHOT_CHUNKS_IN_FLIGHT = 4;

/** Snapshots sent at the same time; each holds a view of the store open. Further peers wait. */
export const MAX_OUTGOING_SNAPSHOTS = 2;

/** Chunks of an incoming snapshot that wait for the staging area; more are not taken and come again. */
export const MAX_SNAPSHOT_CHUNKS_TO_STAGE = 8;

/** Transfers that ended here and are refused if a late chunk would begin them once more. */
export const MAX_ENDED_SNAPSHOTS_REMEMBERED = 32;

/** A snapshot chunk without an answer is sent again after this many heartbeats; the pause doubles up to the maximum. */
export const SNAPSHOT_RETRANSMIT_HEARTBEATS = 3;
export const SNAPSHOT_RETRANSMIT_HEARTBEATS_MAX = 24;

/** A snapshot that gets no further for this many election timeouts is given up by its sender; so it may be resumed until then. */
export const SNAPSHOT_GIVE_UP_ELECTION_TIMEOUTS = 12;

/** While the peer says that it is installing what it has got. */
export const SNAPSHOT_INSTALL_ELECTION_TIMEOUTS = 100;

/** An incoming snapshot of which nothing more comes is dropped after this many election timeouts: later than its sender gives up. */
export const SNAPSHOT_IDLE_ELECTION_TIMEOUTS = 2 * SNAPSHOT_GIVE_UP_ELECTION_TIMEOUTS;

/** Bytes of one row of the state when it is sent to a peer: a length above means damage. */
export const MAX_STATE_ROW_KEY_BYTES = 64 * 1024;
export const MAX_STATE_ROW_VALUE_BYTES = 64 * 1024 * 1024;

/** Calls of `changeMembership` that wait at one node. */
export const MAX_MEMBERSHIP_REQUESTS = 16;

/**
 * A node that is no member by our log is still connected for this many election timeouts: so that one that was removed
 * learns of it, and one that we were told of can show that it leads.
 */
export const OTHER_PEER_ELECTION_TIMEOUTS = 4;

/** Rows that the state machine takes in one turn when it is restored; a single larger row still comes alone. */
export const RESTORE_PAGE_BYTES = 64 * 1024;

/** Pauses after a checkpoint that could not be saved. */
export const CHECKPOINT_RETRY_MIN_MS = 100;
export const CHECKPOINT_RETRY_MAX_MS = 10_000;

/** Calls of `checkpoint` that wait at one node, and how long each does: the database may be slow, and the changes many. */
export const MAX_CHECKPOINT_REQUESTS = 16;
export const CHECKPOINT_REQUEST_TIMEOUT_MS = 60_000;

/** Calls of `waitForApplied` and reads that wait for the state machine. */
export const MAX_APPLIED_WAITERS = 65_536;

export const RELOAD_BACKOFF_MIN_MS = 20;
export const RELOAD_BACKOFF_MAX_MS = 2_000;

/** How long `stop` waits for a store call that is under way. */
export const STOP_STORE_WAIT_MS = 5_000;

/** How long a node whose history is lost waits until that is written down, before it ends without. */
export const MARK_LOST_WAIT_MS = 5_000;

/** Timers are never armed shorter: a deadline that does not move must not become a busy loop. */
export const MIN_TIMER_DELAY_MS = 1;

/** A node that waits to be admitted asks the others this often, in heartbeats. */
export const ADMISSION_ASK_HEARTBEATS = 4;

/** After a majority has welcomed a node, those that have not answered yet have this many heartbeats to object. */
export const ADMISSION_GRACE_HEARTBEATS = 2;

/** A node without its history asks the leader to release it this often, in election timeouts. */
export const RELEASE_ASK_ELECTION_TIMEOUTS = 0.5;

/** Of its latest claims a store remembers so many: who has seen one of them finds it there. */
export const MAX_REMEMBERED_CLAIMS = 64;

/**
 * So many of those by which the node has taken part outlive that. The others know the store by them: processes that end
 * before they reach anybody, and databases that must be loaded again and again, use up the latest ones.
 */
export const MAX_KEPT_CLAIMS = 16;

/** How often a node tells the others how far its store is, while that changes. */
export const STORE_CLAIM_INTERVAL_MS = 1_000;

/** How often is written down how far the store of another node is; that it is another store, at once. */
export const PEER_RECORD_SAVE_INTERVAL_MS = 60_000;

/** How often a leader has the nodes compare their states, while entries are applied. */
export const STATE_HASH_INTERVAL_MS = 1_000;

/** Entries at which the states of all nodes are being compared: one that is behind has so many to catch up with. */
export const MAX_STATE_HASH_ROUNDS = 8;

/** How often is said that states differ; each difference is counted. */
export const STATE_HASH_WARNING_INTERVAL_MS = 60_000;

/** Nodes that ask a leader to be released, or for their votes: not more than there can be members, outgoing ones included. */
export const MAX_RELEASES = 32;
