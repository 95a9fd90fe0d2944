/*
 * The endpoints of the services that are simulated: each counts the call, and answers it well or with the fault whose
 * turn it is.
 */
#ifndef OWMSIM_API_H
#define OWMSIM_API_H

#include "sim.h"

#include <stdbool.h>

enum api_product { API_CURRENT, API_HISTORY, API_AIR };

/* OpenWeatherMap's three endpoints. */
void api_weather(struct sim *sim, struct httpd_request *request, enum api_product product);
/* Open-Meteo's two. */
void api_places(struct sim *sim, struct httpd_request *request, bool air);
/* aviationweather.gov's. */
void api_stations(struct sim *sim, struct httpd_request *request);

#endif
