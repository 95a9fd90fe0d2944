/* A standby's answers (coordinator.h): what its lease has heard of the leader's, which is a fraction of a second old.
 */
#include "coordinator.h"

void redirect_answer(struct coordinator *coordinator, const Isobar__V1__Envelope *envelope)
{
    struct lease_leader leader;
    Isobar__V1__Envelope answer = ISOBAR__V1__ENVELOPE__INIT;
    Isobar__V1__Redirect redirect = ISOBAR__V1__REDIRECT__INIT;
    bool asks = envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_HELLO ||
                envelope->body_case == ISOBAR__V1__ENVELOPE__BODY_HEARTBEAT;
    if (!asks || !lease_leader(coordinator->lease, &leader))
        return;
    redirect.leader = leader.id;
    redirect.endpoint = leader.endpoint;
    redirect.term = leader.term;
    answer.body_case = ISOBAR__V1__ENVELOPE__BODY_REDIRECT;
    answer.redirect = &redirect;
    if (post_send(&coordinator->post, &answer, envelope->member, envelope->incarnation) == 0)
        coordinator->metrics.redirects_total++;
}
