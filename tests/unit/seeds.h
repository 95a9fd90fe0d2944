/* How many seeds a test plays. The plain build plays them all; a sanitizer costs three times the time and looks for
 * mistakes that a third of the seeds shows as well, so that both take equally long. */
#ifndef SEEDS_H
#define SEEDS_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEEDS_OF(number) (((number) + 2) / 3)
#else
#define SEEDS_OF(number) (number)
#endif

#endif
