"""How sure a gate has to be, so that a year of weekly gates errs no more often than promised.

A shop that retrains every week tests a challenger against the same champion again and again. At 95 % each time, a
challenger that is no better would pass sooner or later: within 52 gates almost certainly. So the chance `alpha` of any
wrong promotion is a budget for `gates` gates, and each gate spends

    1 - (1 - alpha) ^ (1 / gates)        0.00202 for alpha 0.10 and 52 gates

because gates of different test weeks are independent: the chance that none of n errs is the product (Šidák 1967).
So after k gates 1 - (1 - alpha)^(k / gates) is spent, which is k · alpha / gates but for a hair: the linear spending
function of Lan and DeMets (1983). The tasks of one gate share its part evenly (Bonferroni).

Linear, because evidence does not accumulate: each week has another challenger and another test week, and none is
likelier than the others to bring the better model. The classic spending functions are for one trial that is looked at
while its data grow. Pocock's spends most at the first looks, O'Brien and Fleming's most at the last: here the better
model of a lean week would have to clear a higher bar, for no reason.

After `gates` gates without a promotion the budget begins anew, and so it does with each new champion.

A bootstrap interval of n users is a little too short, as one that took the sample's variance for the shop's and a
normal quantile for Student's. At one error in a thousand that matters for n below a few hundred, so the tail is
widened to that of Hesterberg's (2015) expanded percentile interval, with n the users whom the two serve differently
well: those whose difference is 0 tell nothing about its spread.

The draws have luck of their own: of 20,000 about 20 lie beyond an end that errs once in a thousand, but it may be 12 or
28. So the end is the draw beyond which, with 95 % confidence, no more than the tail of all possible draws lies: an
order statistic (David and Nagaraja 2003, chapter 7). More draws bring it nearer.

Sources
    Z. Šidák (1967), Rectangular confidence regions for the means of multivariate normal distributions,
        Journal of the American Statistical Association 62, 626-633.
    K. K. G. Lan, D. L. DeMets (1983), Discrete sequential boundaries for clinical trials, Biometrika 70, 659-663.
    H. A. David, H. N. Nagaraja (2003), Order statistics, third edition, Wiley.
    T. C. Hesterberg (2015), What teachers should know about the bootstrap, The American Statistician 69, 371-386.
"""

import math

from scipy import stats

from tasks.params.promotion import PromotionParams

_SURE_OF_DRAWS = 0.95


def tail_of_a_gain(params: PromotionParams, n_tasks: int) -> float:
    """Chance that one task of one gate shows a gain where there is none: that is allowed below the interval's end."""
    return (1 - (1 - params.alpha) ** (1 / params.gates)) / n_tasks


def place(gate: int, params: PromotionParams) -> int:
    """Which of `gates` a champion's gate is, from 1: past the last, counting begins anew with the budget."""
    return (gate - 1) % params.gates + 1


def level_of(tail: float, n_users: int, draws: int) -> float:
    """Of a percentile bootstrap of that many draws whose ends err with chance `tail` each, and not more often."""
    return 1 - 2 * _cut_off(expanded(tail, n_users), draws)


def expanded(tail: float, n_users: int) -> float:
    """The tail that a percentile bootstrap of n users has to cut off, to err with chance `tail`; never above it."""
    if n_users < 2:
        return 0.0
    student = float(stats.t.isf(tail, n_users - 1))
    return float(stats.norm.sf(math.sqrt(n_users / (n_users - 1)) * student))


def _cut_off(tail: float, draws: int) -> float:
    """The share of draws to leave beyond an end, so that surely enough no more than `tail` of all draws lies there."""
    beyond = float(stats.binom.ppf(1 - _SURE_OF_DRAWS, draws, tail))
    return max(beyond - 1, 0.0) / (draws - 1)
