"""Contracts that every estimator, step rule, schedule and init keeps: for the authors of units.

Example, a whole test file, in which every contract is a test of its own:

    import pytest
    from averaged import Averaged
    from vrtune.testing import contracts

    @pytest.mark.parametrize("contract", contracts(Averaged(), Averaged(share=0.9)), ids=str)
    def test_averaged(contract):
        contract()
"""

from vrtune.testing.contracts import Contract, contracts

__all__ = ["Contract", "contracts"]
