/* One kit of a worker for each test: the set-up of a test program. */
#ifndef ISOBAR_TEST_WORKER_FIXTURE_H
#define ISOBAR_TEST_WORKER_FIXTURE_H

#include "worker_kit.h"

static struct kit kit;

static inline int begin(void **state)
{
    (void)state;
    kit_init(&kit);
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    kit_release(&kit);
    return 0;
}

#endif
