"""What the programs have of docs/semantics.md so far. Where one is False the oracle does as they did before it; when all are
True this table goes."""

COMPARED = {
    "relaxed": True,      # impossible values fail RANGE instead of making the record bad
    "quality": True,      # flags, values that fail, their counts, past and run
    "corrections": True,  # hashes of bodies, corrections
    "derived": True,      # dew point, feels-like and vapour pressure derived; the air's components
    "custom": True,       # metrics of one's own
    "sketches": True,     # quantiles
    "controls": True,     # facts about a city
    "civil": True,        # civil days
    "finality": True,     # final_at_ms, revised_at_ms
}
