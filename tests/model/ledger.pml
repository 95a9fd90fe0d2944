/*
 * One partition's ledger in Redis, two workers, a network that delays, loses and repeats, and a Redis that goes back once.
 *
 * Records 0..RECORDS-1 weigh 1 each. A worker applies a record to the open state and commits that, or folds the open state
 * into the result and commits both. Commits carry absolute values, but only of what changed: applying does not write the
 * result. One number of the result is an increment (the rows of a key, '#n'). So every record must be counted exactly once:
 *
 *     folded + open = offset, counted = folded          after everything that Redis executes
 *
 * CHECK picks what the server compares before it executes a commit:
 *     1 epoch and offset      2 epoch and sequence number      3 owner's token and offset      4 id of the last commit
 * RESEND     a worker without an answer sends the same commit again
 * ROLLBACKS  how often Redis may go back to what was durable
 * CHECKED_LOAD  the load compares the ledger's commit id with the worker's, in the same step in which it reads
 * ACQUIRES   how often partitions may be acquired in all; a search needs a bound
 *
 * The load is a step of its own after the acquire: another worker, or a rollback, may come in between. What the tests expect of
 * each variant is in test_model.py.
 */
#ifndef RECORDS
#define RECORDS 2
#endif
#ifndef ACQUIRES
#define ACQUIRES 2
#endif
#ifndef ROLLBACKS
#define ROLLBACKS 1
#endif
#define WORKERS 2

typedef ledger_t {
  byte epoch;    /* grows with each acquire: forgotten by a rollback, so it can be issued twice */
  byte sequence; /* grows with each commit: likewise */
  byte token;    /* of the owner; unique for ever */
  byte id;       /* of the last commit or acquire; unique for ever */
  byte offset, open, folded, counted
}
ledger_t now, durable;

typedef commit_t {
  bit sent, folds;
  byte epoch, sequence, token, id, offset; /* what it expects */
  byte new_id, new_offset, new_open, new_folded, adds
}
commit_t network[4]; /* worker w has slots 2w and 2w+1 */

byte rollbacks, acquires, fresh = 1; /* `fresh` never goes back: random ids */
byte answer[WORKERS];                /* 0 none, 1 executed, 2 refused */

inline copy_ledger(to, from) {
  to.epoch = from.epoch; to.sequence = from.sequence; to.token = from.token; to.id = from.id;
  to.offset = from.offset; to.open = from.open; to.folded = from.folded; to.counted = from.counted
}

#if CHECK == 1
#define ACCEPTED(c) (now.epoch == c.epoch && now.offset == c.offset)
#elif CHECK == 2
#define ACCEPTED(c) (now.epoch == c.epoch && now.sequence == c.sequence)
#elif CHECK == 3
#define ACCEPTED(c) (now.token == c.token && now.offset == c.offset)
#elif CHECK == 4
#define ACCEPTED(c) (now.id == c.id)
#else
#error CHECK must be 1 to 4
#endif

active [WORKERS] proctype worker() {
  byte epoch, sequence, token, id, offset, open, folded, slot;
  bit loading, loaded;
  byte waiting; /* 1 + slot of the commit without an answer; 0: none */

end: /* all done, or no answer will come and no acquire is left */
  do
  :: acquires < ACQUIRES && !loading ->
     atomic {
       acquires++; fresh++;
       now.epoch++; now.token = fresh; now.id = fresh;
       epoch = now.epoch; sequence = now.sequence; token = fresh; id = fresh; offset = now.offset;
       loaded = 0; loading = 1; waiting = 0; answer[_pid] = 0
     }
  :: loading ->
     atomic {
#ifdef CHECKED_LOAD
       if
       :: now.id == id -> open = now.open; folded = now.folded; loaded = 1
       :: else -> skip /* not ours any more */
       fi;
#else
       open = now.open; folded = now.folded; loaded = 1;
#endif
       loading = 0
     }
  :: loaded && !waiting && (offset < RECORDS || open > 0) ->
     atomic {
       slot = 2 * _pid;
       if :: network[slot].sent -> slot++ :: else fi;
       if
       :: network[slot].sent -> skip
       :: else ->
          fresh++;
          network[slot].sent = 1; network[slot].epoch = epoch; network[slot].sequence = sequence; network[slot].token = token;
          network[slot].id = id; network[slot].offset = offset; network[slot].new_id = fresh;
          if
          :: offset < RECORDS -> /* apply the next record */
             network[slot].new_offset = offset + 1; network[slot].new_open = open + 1; network[slot].folds = 0
          :: open > 0 -> /* close the pane */
             network[slot].new_offset = offset; network[slot].new_open = 0; network[slot].folds = 1; network[slot].new_folded = folded + open; network[slot].adds = open
          fi;
          waiting = 1 + slot; answer[_pid] = 0
       fi
     }
  :: waiting && answer[_pid] == 1 ->
     atomic {
       slot = waiting - 1;
       id = network[slot].new_id; offset = network[slot].new_offset; open = network[slot].new_open;
       if :: network[slot].folds -> folded = network[slot].new_folded :: else fi;
#if CHECK == 2
       sequence++;
#endif
       waiting = 0; answer[_pid] = 0
     }
  :: waiting && answer[_pid] == 2 ->
     atomic { loaded = 0; waiting = 0; answer[_pid] = 0 } /* fenced: drop everything */
#ifdef RESEND
  :: waiting && answer[_pid] == 0 && !network[2 * _pid + ((waiting - 1 - 2 * _pid) ^ 1)].sent ->
     atomic {
       slot = 2 * _pid + ((waiting - 1 - 2 * _pid) ^ 1);
       network[slot].sent = 1;
       network[slot].epoch = network[waiting - 1].epoch; network[slot].sequence = network[waiting - 1].sequence;
       network[slot].token = network[waiting - 1].token; network[slot].id = network[waiting - 1].id;
       network[slot].offset = network[waiting - 1].offset; network[slot].new_id = network[waiting - 1].new_id;
       network[slot].new_offset = network[waiting - 1].new_offset; network[slot].new_open = network[waiting - 1].new_open;
       network[slot].folds = network[waiting - 1].folds; network[slot].new_folded = network[waiting - 1].new_folded;
       network[slot].adds = network[waiting - 1].adds;
       waiting = 1 + slot
     }
#endif
  od
}

/* Executes what is in the network in any order, at any time; its answer may be lost. */
active proctype redis() {
  byte slot;
end: /* nothing left to execute */
  do
  :: atomic {
       if
       :: network[0].sent -> slot = 0
       :: network[1].sent -> slot = 1
       :: network[2].sent -> slot = 2
       :: network[3].sent -> slot = 3
       fi;
       if
       :: ACCEPTED(network[slot]) ->
          now.offset = network[slot].new_offset; now.open = network[slot].new_open;
          if
          :: network[slot].folds -> now.folded = network[slot].new_folded; now.counted = now.counted + network[slot].adds
          :: else
          fi;
#if CHECK == 2
          now.sequence++;
#endif
          now.id = network[slot].new_id;
          if :: answer[slot / 2] = 1 :: skip fi
       :: else ->
          if :: answer[slot / 2] = 2 :: skip fi
       fi;
       network[slot].sent = 0;
       assert(now.folded + now.open == now.offset && now.counted == now.folded)
     }
  :: rollbacks < ROLLBACKS -> atomic { copy_ledger(durable, now) }
  :: rollbacks < ROLLBACKS -> atomic { copy_ledger(now, durable); rollbacks++ }
  od
}
