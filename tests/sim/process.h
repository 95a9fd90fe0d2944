/* The processes inside nodes, for the files that look into them. */
#ifndef SIM_PROCESS_H
#define SIM_PROCESS_H

#include "../../coordinator/coordinator.h"
#include "../../fetcher/fetcher.h"
#include "../../worker/worker.h"
#include "sim.h"

struct loop {
    struct node *node;
};

struct daemon {
    struct loop loop;
};

struct worker_process {
    struct daemon daemon;
    struct worker_options options;
    struct worker worker;
};

struct coordinator_process {
    struct daemon daemon;
    struct coordinator_options options;
    struct coordinator coordinator;
};

struct fetcher_process {
    struct daemon daemon;
    struct fetcher_options options;
    struct fetcher fetcher;
};

/* The worker in the node; NULL when it is no worker or not alive. */
struct worker *worker_of(const struct node *node);
/* The coordinator in the node; NULL when it is none or not alive. */
struct coordinator *coordinator_of(const struct node *node);
/* The fetcher in the node; NULL when it is none or not alive. */
struct fetcher *fetcher_of(const struct node *node);
/* The coordinator that acts and has the lease, as far as it knows; NULL when there is none. */
struct coordinator *leader_of_world(void);

#endif
