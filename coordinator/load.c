/* See load.h. The smoothing is a first-order lag whose time constant grows with the time measured, so the first seconds
 * are a plain mean and a partition that was just begun is not taken for an idle one. */
#include "load.h"

#define STEP_MS 400 /* reports come every 500 ms, and after targets at once: those are too close to be measured */

static double clamp(double rate)
{
    return rate < 0 ? 0 : rate > LOAD_LIMIT ? LOAD_LIMIT : rate;
}

static void take(double *mean, int64_t *measured_ms, double rate, int64_t step_ms)
{
    int64_t tau_ms = *measured_ms < LOAD_TAU_MS ? *measured_ms : LOAD_TAU_MS;
    *mean += (clamp(rate) - *mean) * (double)step_ms / (double)(tau_ms + step_ms);
    *measured_ms += step_ms;
}

void load_observe(struct load *load, int64_t now_ms, const int64_t records_rows_lag[3])
{
    int64_t records = records_rows_lag[0], rows = records_rows_lag[1], lag = records_rows_lag[2];
    int64_t step_ms = now_ms - load->at_ms;
    if (load->begun && step_ms < STEP_MS)
        return;
    double new_records = (double)records - (double)load->records, new_rows = (double)rows - (double)load->rows;
    if (load->begun && new_records >= 0 && new_rows >= 0 && step_ms <= LOAD_TAU_MS) {
        double rows_each = records > 0 && rows > 0 ? (double)rows / (double)records : 1;
        double behind = lag > 0 ? (double)lag * (rows_each + LOAD_RECORD_ROWS) / LOAD_LEVEL_S : 0;
        take(&load->rate, &load->measured_ms,
             (new_rows + LOAD_RECORD_ROWS * new_records) * 1000 / (double)step_ms + behind, step_ms);
        take(&load->record_rate, &load->records_measured_ms, new_records * 1000 / (double)step_ms, step_ms);
    }
    load->begun = true;
    load->at_ms = now_ms;
    load->records = records;
    load->rows = rows;
}

void load_set(struct load *load, int64_t value)
{
    load->rate = clamp((double)value);
    load->measured_ms = LOAD_KNOWN_MS;
}

void load_restore(struct load *load, int64_t rate)
{
    if (rate < 0)
        return;
    load->rate = clamp((double)rate);
    load->measured_ms = LOAD_TAU_MS;
}

void load_interrupt(struct load *load)
{
    load->begun = false;
}

double load_records(const struct load *load)
{
    return load->records_measured_ms < LOAD_KNOWN_MS ? 0 : load->record_rate;
}

int64_t load_rate(const struct load *load)
{
    return load->measured_ms < LOAD_KNOWN_MS ? LOAD_UNKNOWN : (int64_t)(load->rate + 0.5);
}

void load_weights(const struct load *loads, size_t count, int64_t idle, int64_t *weights)
{
    int64_t sum = 0, known = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t rate = load_rate(&loads[i]);
        sum += rate == LOAD_UNKNOWN ? 0 : rate;
        known += rate != LOAD_UNKNOWN;
    }
    int64_t mean = known ? sum / known : 0;
    for (size_t i = 0; i < count; i++) {
        int64_t rate = load_rate(&loads[i]);
        weights[i] = 4 * ((rate == LOAD_UNKNOWN ? mean : rate) + idle) + mean; /* in quarters: means may be small */
    }
}
