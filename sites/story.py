"""The story that the five sites tell: who is who, what is advertised, what is sold, and the numbers they agree on.

The sites share nothing but this page of facts; a scripted visitor reads the same facts.
"""

from __future__ import annotations

from dataclasses import dataclass

AGGREGATION_SERVICE = "https://aggregator.test"
"""Key of ``navigator.attribution.aggregationServices`` that the shop passes to ``measureConversion()``."""
AGGREGATOR = "aggregator.test"
"""``name`` of the same service in ``navigator.privateAttribution.aggregationServices``."""
EPSILON = 0.5
"""Privacy budget that each of the two calls of a purchase spends."""
VALUE = 1
"""Value of one purchase: the histogram counts purchases."""
MAX_VALUE = 1
"""Largest value that one report may carry; calibrates the noise."""
FIRST_CAMPAIGN = 345
"""Number of the first campaign with adtech.test."""


@dataclass(frozen=True, slots=True)
class Host:
    """One of the five sites."""

    site: str
    """Name of its folder."""
    title: str
    role: str

    @property
    def name(self) -> str:
        """Host name, such as ``news.test``."""
        return f"{self.site}.test"

    @property
    def origin(self) -> str:
        """Origin, such as ``https://news.test``."""
        return f"https://{self.name}"


@dataclass(frozen=True, slots=True)
class Campaign:
    """One ad placement of the campaign for the shop; its index is its bucket in the histogram."""

    index: int
    label: str
    path: str
    """Page of news.test that shows it."""
    product: str
    """Slug of the product that it leads to."""
    headline: str
    line: str
    debugged: bool = False
    """Whether adtech.test asks for debug reports about it, which tell more and come at once."""

    @property
    def framed(self) -> bool:
        """Whether it stands in a frame of adtech.test's, beside an article."""
        return self.path.startswith("/article/")

    @property
    def number(self) -> int:
        """Number by which adtech.test knows it; the first is the campaign of the API's worked example."""
        return FIRST_CAMPAIGN + self.index


@dataclass(frozen=True, slots=True)
class Creative:
    """One of the pictures that take turns on the poster."""

    index: int
    product: str
    """Slug of the product that it shows and leads to."""
    headline: str
    line: str


@dataclass(frozen=True, slots=True)
class Poster:
    """A campaign that adtech.test shows on several sites; its creatives take turns."""

    number: int
    """Number by which adtech.test knows it: the campaign of Private Aggregation's own example."""
    label: str
    sites: tuple[str, ...]
    """Folders of the sites whose front pages have it."""
    creatives: tuple[Creative, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """Something the shop sells."""

    slug: str
    name: str
    price: int
    """Whole euros."""
    category: int
    """Number by which adtech.test knows the kind of thing."""
    line: str
    text: str


@dataclass(frozen=True, slots=True)
class Article:
    """A piece of the newspaper; its text is the template of the same name."""

    slug: str
    kicker: str
    title: str
    standfirst: str
    campaign: int
    """Index of the campaign whose ad stands beside it."""


@dataclass(frozen=True, slots=True)
class TourStep:
    """One stop of the guided tour."""

    number: int
    site: str
    url: str
    title: str
    text: str


HOSTS = (
    Host("home", "The tour", "explains what happens"),
    Host("news", "The Quiet Courier", "publisher, shows ads"),
    Host("shop", "Alder & Finch", "advertiser, sells things"),
    Host("adtech", "Plainsight", "measurement company, collects sealed reports"),
    Host("aggregator", "Sumhouse", "aggregation service, opens batches and adds noise"),
)

CAMPAIGNS = (
    Campaign(0, "Front page banner", "/", "lamp", "Light for long evenings", "The Heron desk lamp, made to be mended."),
    Campaign(1, "Article sidebar", "/article/swifts", "backpack", "Carry less, walk further", "The Drover day pack."),
    Campaign(
        2,
        "Newsletter",
        "/newsletter",
        "kettle",
        "Tea in three minutes",
        "The Brook kettle, quiet as snow.",
        debugged=True,
    ),
    Campaign(3, "Video", "/article/night-bus", "headphones", "Hear the evening", "Wren headphones, in motion."),
)

HISTOGRAM_SIZE = len(CAMPAIGNS)

POSTER = Poster(
    1234,
    "Mending days",
    ("news", "shop"),
    (
        Creative(0, "lamp", "Bring the lamp", "We find the loose wire while you wait."),
        Creative(1, "chair", "Bring the chair", "New glue, old wood, no wobble."),
        Creative(2, "mug", "Bring the mug", "A handle goes back on in an hour."),
    ),
)

PRODUCTS = (
    Product(
        "lamp",
        "Heron desk lamp",
        52,
        21,
        "A warm light that bends where you need it.",
        "Folded steel, a linen cord and a bulb you can change yourself. Every joint opens with a coin.",
    ),
    Product(
        "backpack",
        "Drover day pack",
        89,
        22,
        "Twenty litres of waxed cotton.",
        "One large pocket, two small ones and a strap that sits where straps should. Mended free of charge.",
    ),
    Product(
        "kettle",
        "Brook kettle",
        64,
        23,
        "Pours like a stream, whistles in a minor third.",
        "Enamelled inside and out, for gas and induction. The handle stays cool while the kettle sings.",
    ),
    Product(
        "headphones",
        "Wren headphones",
        118,
        24,
        "Small, light, and honest about the bass.",
        "Wool-covered cushions, a cable that unplugs, and forty hours on one charge.",
    ),
    Product(
        "mug",
        "Finch mug",
        16,
        25,
        "Stoneware with a thumb's rest.",
        "Thrown by hand, glazed twice. No two are quite the same, and all of them hold a third of a litre.",
    ),
    Product(
        "chair",
        "Alder chair",
        145,
        26,
        "Three legs, one plank, no wobble.",
        "Steam-bent alder with wedged joints. It arrives in one piece and leaves the house the same way.",
    ),
)

ARTICLES = (
    Article(
        "swifts",
        "City",
        "Four hundred volunteers count the swifts, and nobody counts the volunteers",
        "Each rooftop watcher sends in one slip of paper. The city learns the number of nests, and only that.",
        1,
    ),
    Article(
        "night-bus",
        "Transport",
        "The night bus that learned to wait",
        "A timetable drawn from totals, not from passengers, has cut the coldest minutes of line 9.",
        3,
    ),
    Article(
        "bakery",
        "Food",
        "A bakery publishes its recipes and sells more bread",
        "The loaf was never the secret. The oven was, and you are welcome to look at it.",
        1,
    ),
)

TOUR = (
    TourStep(
        1,
        "news",
        "https://news.test/",
        "Read the news, see an ad",
        "Your browser notes down that it showed you an ad for shop.test. The note stays in the browser.",
    ),
    TourStep(
        2,
        "shop",
        "https://shop.test/",
        "Buy something",
        "The shop asks your browser to measure the purchase and is handed a sealed report, whether there was an ad "
        "or not.",
    ),
    TourStep(
        3,
        "adtech",
        "https://adtech.test/",
        "See what the measurement company sees",
        "A pile of sealed reports, all alike. It cannot open one. Beside it stands what the browser sends by itself "
        "with the older Attribution Reporting; some of that it can read.",
    ),
    TourStep(
        4,
        "aggregator",
        "https://aggregator.test/",
        "Watch the batch being opened",
        "The aggregation service opens many reports at once, adds them up, adds noise, and never does it twice, "
        "for the newer APIs and for the older ones.",
    ),
    TourStep(
        5,
        "home",
        "https://home.test/learned",
        "Ask who learned what",
        "Go through the five parties one by one, and through what this emulator does not protect.",
    ),
)
