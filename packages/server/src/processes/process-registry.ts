/** What a process says of itself to the others on its database. */
export interface ProcessNote {
  /** Name among all processes that ever ran: machine, process id, and a name of its own. */
  id: string
  role: string
  /** Digest of the secret that URLs are signed with. */
  secretDigest: string
  /** Name of the place where it keeps files. */
  storageId: string
  seenAt: Date
}

/** The processes on one database. Every method is one transaction. */
export interface ProcessRegistry {
  /**
   * Join those that live, or not.
   *
   * @param options.check looks at those seen since `aliveSince`, before anybody else can join; what it throws keeps this one
   * out.
   */
  join(
    own: ProcessNote,
    options: { aliveSince: Date; check: (others: readonly ProcessNote[]) => Promise<void> },
  ): Promise<void>
  /** Still there. */
  seen(own: ProcessNote): Promise<void>
  leave(id: string): Promise<void>
}
