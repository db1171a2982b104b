import type { ErrorBody, NodeAnnouncement, RequestFrame, ResponseFrame, WatchFrame } from '@latchkey/contracts';

/** Why a connection ended or never came to be. `error` when the node itself said why. */
export type ConnectionEnd = { readonly message: string; readonly error: ErrorBody | null };

export interface ConnectionListener {
  opened(): void;
  /** Who the node is and whom it follows: after `opened`, and whenever that changes. */
  announced(announcement: NodeAnnouncement): void;
  responses(frame: ResponseFrame): void;
  watch(frame: WatchFrame): void;
  /** Once, also when the connection could not be opened. Not called after `Connection.close()`. */
  closed(end: ConnectionEnd): void;
}

export interface Connection {
  /** Only after `opened`. What is sent on a connection that has just died is lost, never kept for later (FAILURE-MODES 49). */
  send(frame: RequestFrame): void;
  /** At once; the listener hears nothing more. */
  close(): void;
}

/** Opens connections to nodes. Never reconnects by itself. */
export interface Connector {
  open(endpoint: string, listener: ConnectionListener): Connection;
}
