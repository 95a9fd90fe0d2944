/* What the leader keeps of members' words about sources. */
#include "../../coordinator/source_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define NOW INT64_C(1000000)

static Isobar__V1__SourceAlarm alarm_of(const char *name, const char *text, int64_t raised_ms)
{
    Isobar__V1__SourceAlarm alarm = ISOBAR__V1__SOURCE_ALARM__INIT;
    alarm.name = (char *)name;
    alarm.source = (char *)"open-meteo";
    alarm.text = (char *)text;
    alarm.raised_ms = raised_ms;
    return alarm;
}

static void a_heartbeat_replaces_the_one_before(void **state)
{
    struct source_report report = {0};
    Isobar__V1__SourceAlarm first = alarm_of("source_stale", "old", 5000),
                            second = alarm_of("schema_changed", "new", 1);
    Isobar__V1__SourceAlarm *alarms[] = {&first, &second};
    Isobar__V1__Heartbeat heartbeat = ISOBAR__V1__HEARTBEAT__INIT;
    (void)state;
    heartbeat.n_alarms = 2;
    heartbeat.alarms = alarms;
    source_take(&report, &heartbeat, NOW);
    assert_int_equal(report.alarm_count, 2);
    assert_string_equal(report.alarms[0].name, "source_stale");
    assert_string_equal(report.alarms[0].source, "open-meteo");
    assert_string_equal(report.alarms[0].text, "old");
    assert_int_equal(report.alarms[0].since_ms, NOW - 5000);
    alarms[0] = &second;
    heartbeat.n_alarms = 1;
    source_take(&report, &heartbeat, NOW);
    assert_int_equal(report.alarm_count, 1);
    assert_string_equal(report.alarms[0].text, "new");
    heartbeat.n_alarms = 0;
    source_take(&report, &heartbeat, NOW);
    assert_int_equal(report.alarm_count, 0);
    assert_null(report.alarms);
    source_release(&report);
}

static void what_members_send_is_bounded_and_printable(void **state)
{
    struct source_report report = {0};
    char long_text[1000];
    Isobar__V1__SourceAlarm alarm = alarm_of("a\nb\x1b[31m\x7f\xff", long_text, -5);
    Isobar__V1__SourceAlarm *alarms[40];
    Isobar__V1__SourceAge age = ISOBAR__V1__SOURCE_AGE__INIT, *ages[40];
    Isobar__V1__Heartbeat heartbeat = ISOBAR__V1__HEARTBEAT__INIT;
    (void)state;
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    for (int i = 0; i < 40; i++) {
        alarms[i] = &alarm;
        ages[i] = &age;
    }
    age.observed_ms = INT64_MAX;
    age.fetched_ms = INT64_MIN;
    heartbeat.n_alarms = heartbeat.n_ages = 40;
    heartbeat.alarms = alarms;
    heartbeat.ages = ages;
    source_take(&report, &heartbeat, NOW);
    assert_int_equal(report.alarm_count, SOURCE_ALARMS_MAX);
    assert_int_equal(report.age_count, SOURCE_AGES_MAX);
    assert_string_equal(report.alarms[0].name, "a?b?[31m??");
    assert_int_equal(strlen(report.alarms[0].text), sizeof report.alarms[0].text - 1);
    assert_int_equal(report.alarms[0].since_ms, -1);
    assert_int_equal(source_at_ms(&report, 0, 0), -1);
    assert_int_equal(source_at_ms(&report, 0, 1), -1);
    assert_int_equal(source_at_ms(&report, 0, 2), NOW); /* age 0 */
    source_release(&report);
}

static void ages_become_moments(void **state)
{
    struct source_report report = {0};
    Isobar__V1__SourceAge first = ISOBAR__V1__SOURCE_AGE__INIT, again = ISOBAR__V1__SOURCE_AGE__INIT;
    Isobar__V1__SourceAge *ages[] = {&first, &again};
    Isobar__V1__Heartbeat heartbeat = ISOBAR__V1__HEARTBEAT__INIT;
    (void)state;
    first.provider = again.provider = 2;
    first.observed_ms = 300;
    first.committed_ms = -1;
    again.observed_ms = 200;
    heartbeat.n_ages = 2;
    heartbeat.ages = ages;
    source_take(&report, &heartbeat, NOW);
    assert_int_equal(source_at_ms(&report, 2, 0), NOW - 200);
    assert_int_equal(source_at_ms(&report, 1, 0), -1);
    first.observed_ms = 100;
    source_take(&report, &heartbeat, NOW + 10);
    assert_int_equal(source_at_ms(&report, 2, 0), NOW + 10 - 100);
    source_release(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heartbeat_replaces_the_one_before),
        cmocka_unit_test(what_members_send_is_bounded_and_printable),
        cmocka_unit_test(ages_become_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
