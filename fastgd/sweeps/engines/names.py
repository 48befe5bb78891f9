"""The engines by name: modules, each of which is a `plan.Engine`.

To add one: the module, and its line here. It says in its `SERVES` which rules, schedules and hyperparameters it knows,
stopping tests among them; whatever else there is, or will be, it refuses by name.
"""

ENGINES = {
    "samples": "fastgd.sweeps.engines.samples",
    "moments": "fastgd.sweeps.engines.moments",
    "spectral": "fastgd.sweeps.engines.spectral",
}
