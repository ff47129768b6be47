"""The words that generated accounts are made of."""

PRODUCTS = (
    ("Harbour", "Lumen", "Quill", "Saffron", "Tidepool", "Örtlich", "Maple", "Velvet", "Kestrel"),
    ("Bank", "Atlas", "Kitchen", "Player", "Market", "Clinic", "Courier", "Academy", "Garage"),
)
PRODUCT_TYPES = (
    "website",
    "mobile_app_ios",
    "mobile_app_android",
    "mobile_app_windows",
    "streaming_app",
    "gaming",
    None,
)
SECTIONS = ("Web shop", "Back office", "Mobile", "Partner portal", "Kiosk")
ACTIONS = ("Search", "Filter", "Share", "Export", "Edit", "Archive", "Restore", "Compare", "Print")
THINGS = ("orders", "invoices", "wish lists", "profiles", "tickets", "reviews", "playlists", "maps")
PLACES = ("the start page", "the side menu", "the account page", "the toolbar", "the footer")
ROLES = ("guest", "returning customer", "shop manager", "reviewer", "first-time visitor")
QUALITIES = ("on a slow connection", "with large text", "in two tabs at once", "after a time-out")
GIVEN_NAMES = ("Amara", "Björn", "Chloë", "Devika", "Emil", "Fatou", "Goran", "Hana", "Łukasz")
FAMILY_NAMES = ("Okafor", "Lindqvist", "Moreau", "Iyer", "Novák", "Diallo", "Petrović", "Sato")
COUNTRIES = ("Germany", "Brazil", "India", "Canada", "日本", "Kenya", "Spain")
LANGUAGES = ("en", "de", "pt", "ja", "fr", None)

TESTING_TYPES = ("coverage", "focused", "rapid", "usability", "custom", None)
OPEN_STATUSES = (
    "initialized",
    "waiting",
    "running",
    "customer_finalized",
    "locked",
    "pending",
    "completed",
)
"""The statuses of a product's newest tests, the newest first."""
REVIEW_STATUSES = ("review_successful", "review_rejected", "not_reviewed", None)
EXECUTION_STATUSES = ("not_tested", "passed", "failed", "blocked")
DURATIONS = (2, 4, 8, 24, 48, 72, None)
CATEGORIES = ((1, "smartphones"), (2, "tablets"), (3, "computers"), (6, "tv"))
OPERATING_SYSTEMS = ((11, "Android"), (12, "iOS"), (21, "Windows"), (22, "macOS"), (31, "tvOS"))
OFFSET_HOURS = (0, 0, 1, 2, -5, 5.5, 9, -8)

SEVERITIES = ("low", "high", "critical", "visual", "content", "usability")
BUG_STATUSES = ("accepted", "accepted", "rejected", "forwarded", None)
