// The aerodrome whose reports (METAR) stand for a city, by GeoNames id: its ICAO location indicator. Chosen by hand,
// within 45 km of the city; each indicator's place, as the package airportsdata
// 20260905 of PyPI has it (MIT), was compared with the city's.
// New York has the station in Central Park (KNYC), which is no aerodrome but reports as one: KLGA and KJFK are at the water.
// McMurdo's is NZCM. Cities that are not here have none.

export const STATIONS = new Map([
  [5809844, 'KSEA'], // Seattle
  [3688689, 'SKBO'], // Bogotá
  [3117735, 'LEMD'], // Madrid
  [184745, 'HKJK'],  // Nairobi
  [1283240, 'VNKT'], // Kathmandu
  [2147714, 'YSSY'], // Sydney
  [6696480, 'NZCM'], // McMurdo Station
  [5128581, 'KNYC'], // New York City
  [3833367, 'SAWH'], // Ushuaia
  [2643743, 'EGLL'], // London
  [360630, 'HECA'],  // Cairo
  [1850147, 'RJTT'], // Tokyo
  [2193733, 'NZAA'], // Auckland
  [5856195, 'PHNL'], // Honolulu
  [3448439, 'SBSP'], // São Paulo
  [3413829, 'BIRK'], // Reykjavík
  [3369157, 'FACT'], // Cape Town
  [1275339, 'VABB'], // Mumbai
  [4035413, 'NSFA'], // Apia
  [3530597, 'MMMX'], // Mexico City
  [3911925, 'SLLP'], // La Paz
  [3133895, 'ENTC'], // Tromsø
  [2332459, 'DNMM'], // Lagos
  [1816670, 'ZBAA'], // Beijing
  [2073124, 'YPDN'], // Darwin
  [6324733, 'CYYT'], // St. John's
  [3871336, 'SCEL'], // Santiago
  [2988507, 'LFPO'], // Paris
  [2553604, 'GMMN'], // Casablanca
  [1880252, 'WSSS'], // Singapore
  [3421319, 'BGGH'], // Nuuk
  [3936456, 'SPJC'], // Lima
  [2950159, 'EDDB'], // Berlin
  [344979, 'HAAB'],  // Addis Ababa
  [292223, 'OMDB'],  // Dubai
  [5879400, 'PANC'], // Anchorage
  [2729907, 'ENSB'], // Longyearbyen
  [524901, 'UUWW'],  // Moscow
  [112931, 'OIII'],  // Tehran
  [1796236, 'ZSSS'], // Shanghai
  [745044, 'LTFM'],  // Istanbul
  [3435910, 'SABE'], // Buenos Aires
  [1174872, 'OPKC'], // Karachi
  [1792947, 'ZBTJ'], // Tianjin
  [1809858, 'ZGGG'], // Guangzhou
  [1273294, 'VIDP'], // Delhi
  [1795565, 'ZGSZ'], // Shenzhen
  [1185241, 'VGHS'], // Dhaka
  [1835848, 'RKSS'], // Seoul
  [1791247, 'ZHHH'], // Wuhan
  [1642911, 'WIII'], // Jakarta
  [1668341, 'RCSS'], // Taipei
  [2314302, 'FZAA'], // Kinshasa
  [1814906, 'ZUCK'], // Chongqing
  [1815286, 'ZUUU'], // Chengdu
  [98182, 'ORBI'],   // Baghdad
  [1799962, 'ZSNJ'], // Nanjing
  [1819729, 'VHHH'], // Hong Kong
  [1790630, 'ZLXY'], // Xi’an
  [1172451, 'OPLA'], // Lahore
  [2034937, 'ZYTX'], // Shenyang
  [1808926, 'ZSHC'], // Hangzhou
  [3451190, 'SBRJ'], // Rio de Janeiro
  [2037013, 'ZYHB'], // Harbin
  [1609350, 'VTBS'], // Bangkok
  [1277333, 'VOBL'], // Bengaluru
  [498817, 'ULLI'],  // Saint Petersburg
  [1275004, 'VECC'], // Kolkata
  [1298824, 'VYYY'], // Yangon
  [1805753, 'ZSJN'], // Jinan
  [1264527, 'VOMM'], // Chennai
  [1784658, 'ZHCC'], // Zhengzhou
  [2158177, 'YMML'], // Melbourne
  [108410, 'OERK'],  // Riyadh
  [1814087, 'ZYTL'], // Dalian
  [5368361, 'KLAX'], // Los Angeles
  [1804651, 'ZPPP'], // Kunming
  [1279233, 'VAAH'], // Ahmedabad
  [1838524, 'RKPK'], // Busan
  [2293538, 'DIAP'], // Abidjan
  [2335204, 'DNKN'], // Kano
  [1269843, 'VOHS'], // Hyderabad
  [1790645, 'ZSAM'], // Xiamen
  [323786, 'LTAC'],  // Ankara
  [1799397, 'ZSNB'], // Ningbo
  [1566083, 'VVTS'], // Ho Chi Minh City
  [1793511, 'ZBYN'], // Taiyuan
  [1808722, 'ZSOF'], // Hefei
  [1007311, 'FALE'], // Durban
  [1815577, 'ZGHA'], // Changsha
  [1529102, 'ZWWW'], // Ürümqi
  [3646738, 'SVMI'], // Caracas
  [105343, 'OEJN'],  // Jeddah
  [4887398, 'KMDW'], // Chicago
  [3450554, 'SBSV'], // Salvador
  [1269515, 'VIJP'], // Jaipur
  [160263, 'HTDA'],  // Dar es Salaam
  [6167865, 'CYYZ'], // Toronto
  [1843564, 'RKSI'], // Incheon
  [1853909, 'RJOO'], // Osaka
  [311046, 'LTBJ'],  // İzmir
  [3169070, 'LIRU'], // Rome
  [4699066, 'KHOU'], // Houston
  [4560349, 'KPHL'], // Philadelphia
  [5308655, 'KPHX'], // Phoenix
  [5391811, 'KSAN'], // San Diego
  [4684888, 'KDAL'], // Dallas
  [4726206, 'KSAT'], // San Antonio
  [2761369, 'LOWW'], // Vienna
  [3054643, 'LHBP'], // Budapest
  [756135, 'EPWA'],  // Warsaw
  [3128760, 'LEBL'], // Barcelona
  [2867714, 'EDDM'], // Munich
  [2911298, 'EDDH'], // Hamburg
  [2673730, 'ESSB'], // Stockholm
  [2618425, 'EKCH'], // Copenhagen
  [658225, 'EFHK'],  // Helsinki
  [3143244, 'ENGM'], // Oslo
  [2964574, 'EIDW'], // Dublin
  [2800866, 'EBBR'], // Brussels
  [2759794, 'EHAM'], // Amsterdam
  [2267057, 'LPPT'], // Lisbon
  [264371, 'LGAV'],  // Athens
  [2657896, 'LSZH'], // Zürich
  [3067696, 'LKPR'], // Prague
  [727011, 'LBSF'],  // Sofia
  [683506, 'LROP'],  // Bucharest
  [792680, 'LYBE'],  // Belgrade
  [3186886, 'LDZA'], // Zagreb
  [6077243, 'CYUL'], // Montréal
  [6173331, 'CYVR'], // Vancouver
  [5913490, 'CYYC'], // Calgary
  [6094817, 'CYOW'], // Ottawa
  [2174003, 'YBBN'], // Brisbane
  [2063523, 'YPPH'], // Perth
  [2078025, 'YPAD'], // Adelaide
  [4930956, 'KBOS'], // Boston
  [5391959, 'KSFO'], // San Francisco
  [5419384, 'KDEN'], // Denver
  [4164138, 'KMIA'], // Miami
  [4180439, 'KATL'], // Atlanta
  [4140963, 'KDCA'], // Washington, D.C.
  [5037649, 'KMSP'], // Minneapolis
  [5506956, 'KLAS'], // Las Vegas
  [5746545, 'KPDX'], // Portland
  [993800, 'FAOR'],  // Johannesburg
  [1701668, 'RPLL'], // Manila
  [1735161, 'WMKK'], // Kuala Lumpur
  [1581130, 'VVNB'], // Hanoi
  [287286, 'OOMS'],  // Muscat
  [292968, 'OMAA'],  // Abu Dhabi
  [293397, 'LLBG'],  // Tel Aviv
  [3553478, 'MUHA'], // Havana
  [3492908, 'MDSD'], // Santo Domingo
  [3657509, 'SEGU'], // Guayaquil
  [3441575, 'SUMU'], // Montevideo
  [3439389, 'SGAS'], // Asunción
  [3469058, 'SBBR'], // Brasília
  [2464470, 'DTTA'], // Tunis
  [2507480, 'DAAG'], // Algiers
  [2306104, 'DGAA'], // Accra
  [1526384, 'UAAA'], // Almaty
  [616052, 'UDYZ'],  // Yerevan
  [611717, 'UGTB'],  // Tbilisi
  [587084, 'UBBB'],  // Baku
  [4568127, 'TJSJ'], // San Juan
  [3573197, 'TXKF'], // Hamilton
  [2198148, 'NFNA'], // Suva
]);
