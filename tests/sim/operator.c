/*
 * An operator (sim.h) who speaks to the leader as isobarctl does: HELLO and the command again and again, to the leader
 * that Redis names, until the answer with its id comes. While faults last, commands come at random. Afterwards the
 * operator wants some members drained and the others not, and every partition that Redis' absence has stopped to go on.
 */
#include "process.h"
#include "redis.h"

#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS   150
#define PATIENCE   20  /* times that a command is said without an answer */
#define KEEP_DRAIN 250 /* of 1,000 members that are to be drained in the end */

struct operator_process {
    struct daemon daemon;
    struct channel *channel;
    struct loop_timer *timer;
    Isobar__V1__CommandWhat what;
    int64_t id; /* of the command without an answer; 0: none */
    int times;  /* said so far */
    int32_t partition;
    char member[24];
    bool decided, drains[NODES_MAX];
};

static struct operator_process *process(void)
{
    return world.nodes[world.node_count - 1].process;
}

static void order(Isobar__V1__CommandWhat what, const char *member, int32_t partition)
{
    struct operator_process *self = process();
    static const char *const names[] = {"nothing", "drain", "undrain", "resume"};
    self->what = what;
    self->id = entropy_i63();
    self->times = 0;
    self->partition = partition;
    snprintf(self->member, sizeof self->member, "%s", member);
    world.counters->orders++;
    note("the operator orders: %s %s %d", names[what], member, partition);
}

/* ---- what is to be in the end ---- */

/* At least one member of a kind goes on, and that is one which can. */
static void decide(struct operator_process *self, int first, int count)
{
    int stays = first + (int)between(0, count - 1);
    for (int i = first; i < first + count; i++) {
        if (world.nodes[stays].wedged)
            stays = first + (stays - first + 1) % count;
        self->drains[i] = chance(KEEP_DRAIN);
    }
    if (count > 0)
        self->drains[stays] = false;
}

bool operator_drains(const struct node *node)
{
    const struct operator_process *self = process();
    return self && self->decided && self->drains[node->index];
}

/* The next thing that is not as it is to be. */
static void correct(struct operator_process *self)
{
    const struct coordinator *leader = leader_of_world();
    if (!self->decided) {
        decide(self, world.coordinators, world.workers);
        decide(self, world.coordinators + world.workers, world.fetchers);
        self->decided = true;
    }
    for (int i = world.coordinators; leader && i < world.node_count - 1; i++) {
        const struct member *member = member_find(&leader->members, world.nodes[i].id);
        bool drained = member && drained_holds(&leader->drained, member->id, member->incarnation);
        if (!member || drained == self->drains[i])
            continue;
        order(drained ? ISOBAR__V1__COMMAND_WHAT__UNDRAIN : ISOBAR__V1__COMMAND_WHAT__DRAIN, member->id, 0);
        return;
    }
    for (int32_t p = 0; leader && redis.wronged && p < world.partitions; p++) {
        if (leader->partitions.views[p].phase != ISOBAR__V1__PARTITION_PHASE__STOPPED ||
            leader->partitions.slots[p].state != SLOT_GIVEN)
            continue;
        order(ISOBAR__V1__COMMAND_WHAT__RESUME, "", p);
        return;
    }
}

/* ---- commands ---- */

void operator_order(void)
{
    struct operator_process *self = process();
    int members = world.workers + world.fetchers;
    if (!self || self->id != 0)
        return;
    int64_t kind = between(0, 9);
    order(kind < 4   ? ISOBAR__V1__COMMAND_WHAT__DRAIN
          : kind < 8 ? ISOBAR__V1__COMMAND_WHAT__UNDRAIN
                     : ISOBAR__V1__COMMAND_WHAT__RESUME,
          world.nodes[world.coordinators + between(0, members - 1)].id, (int32_t)between(0, world.partitions - 1));
}

/* Where the key `leader` says. */
static void dial(struct operator_process *self)
{
    const struct redis_value *value =
        redis.down_ms > world.now_ms ? NULL : redis_get(redis_find(PREFIX "leader"), NULL);
    const char *endpoint = value ? strrchr(value->bytes, ' ') : NULL;
    if (endpoint && strcmp(endpoint + 1, channel_endpoint(self->channel)) != 0)
        (void)!channel_redial_to(self->channel, endpoint + 1);
}

static void say(struct operator_process *self, Isobar__V1__Envelope *envelope)
{
    envelope->format = 1;
    envelope->member = self->daemon.loop.node->id;
    envelope->incarnation = 1;
    (void)!channel_send(self->channel, envelope);
}

static void on_timer(void *arg)
{
    struct operator_process *self = arg;
    Isobar__V1__Envelope greeting = ISOBAR__V1__ENVELOPE__INIT, envelope = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Hello hello = ISOBAR__V1__HELLO__INIT;
    Isobar__V1__Command command = ISOBAR__V1__COMMAND__INIT;
    char who[] = "operator@simulator";
    if (self->id != 0 && self->times++ == PATIENCE)
        self->id = 0;
    if (self->id == 0 && !world.faults && !world.anew) /* it lets stopped be what must stay so */
        correct(self);
    if (self->id == 0)
        return;
    dial(self);
    hello.role = ISOBAR__V1__ROLE__OPERATOR;
    greeting.body_case = ISOBAR__V1__ENVELOPE__BODY_HELLO;
    greeting.hello = &hello;
    command.id = self->id;
    command.what = self->what;
    command.member = self->member;
    command.partition = self->partition;
    command.who = who;
    envelope.body_case = ISOBAR__V1__ENVELOPE__BODY_COMMAND;
    envelope.command = &command;
    say(self, &greeting);
    say(self, &envelope);
}

static void on_message(void *arg, const Isobar__V1__Envelope *envelope)
{
    struct operator_process *self = arg;
    if (envelope->body_case != ISOBAR__V1__ENVELOPE__BODY_ANSWER || envelope->answer->id != self->id)
        return;
    note("the operator hears: %s", envelope->answer->text);
    self->id = 0;
}

/* ---- life ---- */

void operator_start(struct node *node)
{
    struct operator_process *self = node->process = mem_alloc(sizeof *self);
    struct channel_member member = {.id = node->id, .incarnation = 1};
    self->daemon.loop.node = node;
    self->channel = channel_dial_as(&self->daemon.loop, "", &member, on_message, self, NULL);
    self->timer = loop_timer_new(&self->daemon.loop, on_timer, self);
    loop_timer_set(self->timer, AGAIN_MS, AGAIN_MS);
}

void operator_free(struct node *node)
{
    struct operator_process *self = node->process;
    loop_timer_free(self->timer);
    channel_free(self->channel);
}
