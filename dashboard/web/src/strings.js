// Every text of the page, by language. Another language is another file with the same keys.
const en = {
  skip: 'Skip to the table of cities',
  live: 'Live', connecting: 'Connecting …', reconnecting: 'Connection lost', paused: 'Redis is down',
  bannerLost: (age, retry) => `No connection to the server. Values are from ${age} ago. Trying again in ${retry} s.`,
  bannerRetry: age => `No connection to the server. Values are from ${age} ago. Trying again now.`,
  bannerRedis: age => `The server does not reach its database. Values are from ${age} ago.`,
  labels: { simulated: 'Simulated data', recorded: 'Replayed data', replay: 'Simulated and replayed data', mixed: 'Partly replayed data' },
  labelHelp: { simulated: 'Made from climate normals: not the weather outside', recorded: 'Recorded series, played again: not the weather outside',
    replay: 'Made from climate normals and recorded series: not the weather outside', mixed: 'Some cities show replayed data' },
  providers: { openweathermap: 'OpenWeatherMap', 'open-meteo': 'Open-Meteo', nws: 'NWS', station: 'Station', recorded: 'Replayed data', simulated: 'Simulated data', unknown: 'Unknown source' },
  cities: 'Cities', search: 'Search cities', noMatch: 'No city matches.', shown: (n, all) => n === all ? `${all} cities` : `${n} of ${all} cities`,
  waiting: 'Waiting for the first values …',
  columns: { name: 'City', temperature: 'Temp.', humidity: 'Humidity', pressure_sea_level: 'Pressure', wind_speed: 'Wind', rain: 'Rain', cloud: 'Cloud', age: 'Observed' },
  metrics: { temperature: 'Temperature', feels_like: 'Feels like (source)', humidity: 'Humidity', pressure_sea_level: 'Pressure (sea level)', wind_speed: 'Wind', wind_gust: 'Gusts', rain: 'Rain', snow: 'Snow', cloud: 'Cloud', visibility: 'Visibility' },
  ranges: { '6h': '6 h', '24h': '24 h', '48h': '48 h' }, rangeLabel: 'Time range',
  chartTitle: 'Temperature', chartNote: 'mean line, min–max band, 10-minute windows; dotted: provisional', mean: 'mean', min: 'min', max: 'max',
  provisional: 'provisional', final: 'final', revised: n => `revised ${n}×`, dataTable: 'Data of this chart',
  table: { start: 'Start', mean: 'Mean', min: 'Min', max: 'Max', rows: 'Readings', status: 'Status' },
  noHistory: 'No history yet.', historyError: 'The history could not be read. It is tried again.',
  lastHour: 'last hour', ago: t => `${t} ago`, now: 'now', observed: 'observed', fetched: 'fetched', source: 'Source',
  seconds: n => `${n} s`, minutes: n => `${n} min`, hours: n => `${n} h`, days: n => `${n} d`, stale: 'stale',
  compass: ['N', 'NNE', 'NE', 'ENE', 'E', 'ESE', 'SE', 'SSE', 'S', 'SSW', 'SW', 'WSW', 'W', 'WNW', 'NW', 'NNW'],
  sortBy: name => `Sort by ${name}`,
};

const es = {
  skip: 'Saltar a la tabla de ciudades',
  live: 'En vivo', connecting: 'Conectando …', reconnecting: 'Conexión perdida', paused: 'Redis no responde',
  bannerLost: (age, retry) => `Sin conexión con el servidor. Los valores son de hace ${age}. Nuevo intento en ${retry} s.`,
  bannerRetry: age => `Sin conexión con el servidor. Los valores son de hace ${age}. Intentando de nuevo.`,
  bannerRedis: age => `El servidor no alcanza su base de datos. Los valores son de hace ${age}.`,
  labels: { simulated: 'Datos simulados', recorded: 'Datos reproducidos', replay: 'Datos simulados y reproducidos', mixed: 'Datos en parte reproducidos' },
  labelHelp: { simulated: 'Hechos con normales climáticas: no es el tiempo de fuera', recorded: 'Series grabadas: no es el tiempo de fuera',
    replay: 'Hechos con normales climáticas y series grabadas: no es el tiempo de fuera', mixed: 'Algunas ciudades muestran datos reproducidos' },
  providers: { openweathermap: 'OpenWeatherMap', 'open-meteo': 'Open-Meteo', nws: 'NWS', station: 'Estación', recorded: 'Datos reproducidos', simulated: 'Datos simulados', unknown: 'Fuente desconocida' },
  cities: 'Ciudades', search: 'Buscar ciudades', noMatch: 'Ninguna ciudad coincide.', shown: (n, all) => n === all ? `${all} ciudades` : `${n} de ${all} ciudades`,
  waiting: 'Esperando los primeros valores …',
  columns: { name: 'Ciudad', temperature: 'Temp.', humidity: 'Humedad', pressure_sea_level: 'Presión', wind_speed: 'Viento', rain: 'Lluvia', cloud: 'Nubes', age: 'Observado' },
  metrics: { temperature: 'Temperatura', feels_like: 'Sensación (fuente)', humidity: 'Humedad', pressure_sea_level: 'Presión (nivel del mar)', wind_speed: 'Viento', wind_gust: 'Rachas', rain: 'Lluvia', snow: 'Nieve', cloud: 'Nubes', visibility: 'Visibilidad' },
  ranges: { '6h': '6 h', '24h': '24 h', '48h': '48 h' }, rangeLabel: 'Intervalo',
  chartTitle: 'Temperatura', chartNote: 'línea media, banda mín.–máx., ventanas de 10 minutos; punteado: provisional', mean: 'media', min: 'mín.', max: 'máx.',
  provisional: 'provisional', final: 'final', revised: n => `revisado ${n}×`, dataTable: 'Datos de este gráfico',
  table: { start: 'Inicio', mean: 'Media', min: 'Mín.', max: 'Máx.', rows: 'Lecturas', status: 'Estado' },
  noHistory: 'Aún no hay historial.', historyError: 'No se pudo leer el historial. Se intenta de nuevo.',
  lastHour: 'última hora', ago: t => `hace ${t}`, now: 'ahora', observed: 'observado', fetched: 'recibido', source: 'Fuente',
  seconds: n => `${n} s`, minutes: n => `${n} min`, hours: n => `${n} h`, days: n => `${n} d`, stale: 'antiguo',
  compass: ['N', 'NNE', 'NE', 'ENE', 'E', 'ESE', 'SE', 'SSE', 'S', 'SSO', 'SO', 'OSO', 'O', 'ONO', 'NO', 'NNO'],
  sortBy: name => `Ordenar por ${name}`,
};

export const languages = { en, es };
export let language = 'en';
export let text = en;

// Picks the language: asked for in the URL, else the browser's, else English.
export function chooseLanguage(asked) {
  const wanted = [asked, ...(navigator.languages ?? [])].map(l => (l ?? '').slice(0, 2).toLowerCase());
  language = wanted.find(l => l in languages) ?? 'en';
  text = languages[language];
  document.documentElement.lang = language;
}
