"""The row chains in JAX and torch.compile, with the interface of the peers' programs: make -> (step, sync)."""


def make_jax(c):
    import jax
    import jax.numpy as jnp

    def layernorm(x):
        return (x - x.mean(1, keepdims=True)) * jax.lax.rsqrt(x.var(1, keepdims=True) + 1e-5)

    f = dict(softmax=lambda x: jax.nn.softmax(x, 1), layernorm=layernorm,
             gelu=lambda x: jax.nn.gelu(x, approximate=False))[c["formula"]]
    x, t = (jax.random.normal(jax.random.key(k), (c["rows"], c["columns"])) for k in (0, 1))
    if c["backward"]:
        both = jax.jit(jax.value_and_grad(lambda x, t: jnp.sum(f(x) * t)))
        return lambda: both(x, t)[1], jax.block_until_ready
    forward = jax.jit(f)
    return lambda: forward(x), jax.block_until_ready


def make_torch(c):
    import torch
    import torch.nn.functional as F
    f = dict(softmax=lambda x: torch.softmax(x, 1), layernorm=lambda x: F.layer_norm(x, x.shape[1:]),
             gelu=F.gelu)[c["formula"]]
    x, t = torch.randn(c["rows"], c["columns"]), torch.randn(c["rows"], c["columns"])
    if not c["backward"]:
        forward = torch.compile(f)

        def run():
            with torch.no_grad():
                return forward(x)
        return run, lambda r: None
    x.requires_grad_()
    loss = torch.compile(lambda x, t: (f(x) * t).sum())

    def step():
        x.grad = None
        loss(x, t).backward()
        return x.grad
    return step, lambda r: None
